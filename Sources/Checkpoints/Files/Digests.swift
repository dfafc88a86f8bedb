import Crypto
import Faults
import Files

extension Checkpoint {
    /// SHA-256 of the tokenizer's file, in lowercase hexadecimal; nil where the model has none. Where other files add
    /// to it or a GGUF file's metadata stand for it, that of the `tokenizer.json` made of them, so that a model keeps
    /// it through pruning and two tokenizers that cut text differently never share it.
    public func tokenizerDigest() throws(Fault) -> String? {
        guard let tokenizer = try tokenizer() else { return nil }
        var hash = SHA256()
        switch tokenizer.content {
        case .json(let bytes): hash.update(data: bytes)
        case .packed(let text): try text.forEachPart { hash.update(data: $0) }
        }
        return hexadecimal(hash.finalize())
    }
}

/// SHA-256 of token ids as little-endian int32, in lowercase hexadecimal: tells whether two results were measured on
/// the same tokens.
public func tokenDigest(_ ids: [Int32]) -> String {
    var hash = SHA256()
    ids.map(\.littleEndian).withUnsafeBytes { hash.update(bufferPointer: $0) }
    return hexadecimal(hash.finalize())
}

/// SHA-256 of a text's UTF-8, in lowercase hexadecimal.
public func textDigest(_ text: String) -> String { hexadecimal(SHA256.hash(data: Array(text.utf8))) }
