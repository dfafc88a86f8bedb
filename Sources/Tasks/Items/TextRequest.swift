/// A context and what shall follow it.
public struct TextRequest: Equatable, Sendable {
    public var context: String
    public var continuation: String

    public init(context: String, continuation: String) {
        self.context = context
        self.continuation = continuation
    }
}
