/// Vocabulary and merges of a BPE model that stand outside of its `tokenizer.json`, handed out one after another:
/// as text or values of that file they would take many times what they take where they are.
public struct ModelTables: Sendable {
    let tokenCount: Int
    let mergeCount: Int
    let token: @Sendable (Int) -> String
    let forEachMerge: @Sendable ((UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Void) -> Void

    /// - Parameters:
    ///   - tokenCount: ids are below this.
    ///   - token: of an id.
    ///   - forEachMerge: calls with both parts of every merge as UTF-8, the first to be tried first.
    public init(
        tokenCount: Int, mergeCount: Int, token: @escaping @Sendable (Int) -> String,
        forEachMerge: @escaping @Sendable ((UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Void) -> Void
    ) {
        self.tokenCount = tokenCount
        self.mergeCount = mergeCount
        self.token = token
        self.forEachMerge = forEachMerge
    }
}
