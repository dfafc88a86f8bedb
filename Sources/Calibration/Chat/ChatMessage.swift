/// One message of a conversation.
public struct ChatMessage: Equatable, Sendable {
    public enum Role: String, Sendable, CaseIterable {
        case system
        case user
        case assistant
    }

    public var role: Role
    public var content: String

    public init(role: Role, content: String) {
        self.role = role
        self.content = content
    }
}
