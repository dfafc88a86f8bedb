import Checkpoints
import Faults
import Tokenization

extension FolderTokenizer {
    /// The tokenizer that the files tell of. That of a GGUF file is made of its lists, without the text of a
    /// `tokenizer.json` between.
    ///
    /// - Throws: as for the `tokenizer.json` that says the same.
    public func tokenizer() throws(Fault) -> Tokenizer {
        switch content {
        case .json(let bytes): return try Tokenizer(parsing: bytes)
        case .packed(let packed):
            let text = packed.prepared()
            // What is published has to be read again.
            try Tokenizer.checkSize(text.byteCount)
            return try Tokenizer(
                parsing: text.frame,
                tables: ModelTables(
                    tokenCount: text.tokenCount, mergeCount: text.mergeCount, token: { text.token(of: $0) },
                    forEachMerge: { text.forEachMerge($0) }))
        }
    }
}
