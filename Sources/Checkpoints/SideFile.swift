import Faults
import Files
import JSONText

/// A small file that belongs to a model beside its weights and configuration.
public struct SideFile: Sendable {
    public let name: String
    let content: Content

    enum Content: Sendable {
        case file(path: String)
        case bytes([UInt8])
        /// Text that is made as it is asked for.
        case tokenizer(GGUFTokenizerText)
    }

    /// Whether a file of this name in a model's folder belongs to the model.
    public static func isName(_ name: String) -> Bool { SideFiles.isSideFile(name) }

    /// Larger side files are refused: they are read into memory.
    static let sizeLimit = 1 << 30

    /// The content, byte for byte.
    public func bytes() throws(Fault) -> [UInt8] {
        switch content {
        case .file(let path): try InputFile(path).contents(limit: SideFile.limit(of: name))
        case .bytes(let bytes): bytes
        case .tokenizer(let text): text.bytes
        }
    }

    /// The length of the content.
    public func byteCount() throws(Fault) -> Int {
        if case .tokenizer(let text) = content { text.byteCount } else { try bytes().count }
    }

    /// Hands out the content in parts; what is made here is never in memory as a whole.
    ///
    /// - Throws: as `bytes`, and what `take` throws.
    public func forEachPart(_ take: ([UInt8]) throws(Fault) -> Void) throws(Fault) {
        if case .tokenizer(let text) = content { try text.forEachPart(take) } else { try take(try bytes()) }
    }

    static func limit(of name: String) -> Int { name == "tokenizer.json" ? JSONLimits.largestTokenizer : sizeLimit }
}
