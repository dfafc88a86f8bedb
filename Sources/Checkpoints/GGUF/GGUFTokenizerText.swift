import Faults
import JSONText

/// The tokenizer of a GGUF file, and the text of the `tokenizer.json` that does the same. The text takes three to four
/// times what tokens and merges take in the file, and its values would take ten times as much: it is written part by
/// part where it is published, and is never made where text is only cut into tokens.
public struct GGUFTokenizerText: Sendable {
    let tokens: PackedStrings
    private let merges: GGUFMerges
    /// The document with an empty vocabulary and no merges.
    public let frame: [UInt8]

    private static let between = Array(",\n    \"merges\": ".utf8)
    private static let end = Array("\n  }\n}".utf8)
    /// Parts of the text are longer than this by a token or a merge at most.
    private static let partSize = 1 << 16

    /// - Parameter frame: the document with an empty vocabulary and no merges, which end its model, which ends it.
    init(tokens: PackedStrings, merges: GGUFMerges, frame: JSONValue) {
        self.init(tokens: tokens, merges: merges, frame: Array(frame.text().utf8))
        let tail = Array("{}".utf8) + GGUFTokenizerText.between + Array("[]".utf8) + GGUFTokenizerText.end
        precondition(self.frame.suffix(tail.count).elementsEqual(tail))
    }

    private init(tokens: PackedStrings, merges: GGUFMerges, frame: [UInt8]) {
        self.tokens = tokens
        self.merges = merges
        self.frame = frame
    }

    /// The same with its merges at hand, which follow from the vocabulary in some files and take time to make.
    public func prepared() -> GGUFTokenizerText {
        GGUFTokenizerText(tokens: tokens, merges: merges.prepared(), frame: frame)
    }

    /// Ids are below this.
    public var tokenCount: Int { tokens.count }

    public func token(of id: Int) -> String { tokens[id] }

    public var mergeCount: Int { merges.count }

    /// Calls with both parts of every merge, in order.
    public func forEachMerge(_ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Void) {
        merges.forEach(body)
    }

    /// The length of the text.
    public var byteCount: Int {
        var count = 0
        _ = write { count += $0.count }
        return count
    }

    /// The text as a whole.
    var bytes: [UInt8] {
        let prepared = prepared()
        var bytes: [UInt8] = []
        // The length is counted first, since an array that grows is for a moment there twice.
        bytes.reserveCapacity(prepared.byteCount)
        _ = prepared.write { bytes += $0 }
        return bytes
    }

    /// Hands out the text in parts.
    ///
    /// - Throws: what `take` throws.
    func forEachPart(_ take: ([UInt8]) throws(Fault) -> Void) throws(Fault) {
        let fault = write { (part) throws(Fault) in try take(part) }
        if let fault { throw fault }
    }

    /// Writes what `JSONValue.text()` gives of the whole document, and a line's end.
    ///
    /// - Returns: the fault that ended it, if any.
    private func write(_ take: ([UInt8]) throws(Fault) -> Void) -> Fault? {
        var part: [UInt8] = []
        var fault: Fault?
        func handOn(beyond size: Int) {
            guard part.count > size else { return }
            if fault == nil {
                do throws(Fault) { try take(part) } catch { fault = error }
            }
            part.removeAll(keepingCapacity: true)
        }
        let tail = 2 + GGUFTokenizerText.between.count + 2 + GGUFTokenizerText.end.count
        part += frame.dropLast(tail)
        part += "{".utf8
        for id in tokens.indices {
            part += (id > 0 ? ",\n      " : "\n      ").utf8
            tokens.withBytes(id) { GGUFTokenizerText.append($0, to: &part) }
            part += ": \(id)".utf8
            handOn(beyond: GGUFTokenizerText.partSize)
        }
        part += (tokens.isEmpty ? "}" : "\n    }").utf8
        part += GGUFTokenizerText.between
        part += "[".utf8
        var isFirst = true
        merges.forEach { left, right in
            part += (isFirst ? "\n      [\n        " : ",\n      [\n        ").utf8
            GGUFTokenizerText.append(left, to: &part)
            part += ",\n        ".utf8
            GGUFTokenizerText.append(right, to: &part)
            part += "\n      ]".utf8
            isFirst = false
            handOn(beyond: GGUFTokenizerText.partSize)
        }
        part += (isFirst ? "]" : "\n    ]").utf8
        part += GGUFTokenizerText.end
        part += "\n".utf8
        handOn(beyond: 0)
        return fault
    }

    /// Appends a string of JSON, given as UTF-8. Few need escapes.
    private static func append(_ text: UnsafeBufferPointer<UInt8>, to part: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        guard text.allSatisfy({ $0 >= 0x20 && $0 != quote && $0 != UInt8(ascii: "\\") && $0 != 0x7F }) else {
            part += JSONValue.string(String(decoding: text, as: UTF8.self)).text(pretty: false).utf8
            return
        }
        part.append(quote)
        part += text
        part.append(quote)
    }
}
