/// One message of a conversation.
public struct ChatMessage: Equatable, Sendable {
    public enum Role: String, Sendable, CaseIterable {
        case system
        case user
        case assistant
    }

    public var role: Role
    public var content: String
    /// What was thought before the content was written, where a record keeps it apart; templates that know no thoughts
    /// leave it out.
    public var reasoning: String?

    public init(role: Role, content: String, reasoning: String? = nil) {
        self.role = role
        self.content = content
        self.reasoning = reasoning
    }
}
