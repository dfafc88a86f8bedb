import JSONText

/// The text of a `tokenizer.json` whose vocabulary and merges never stand in memory as values, which would take ten
/// times what they take in the file.
struct GGUFTokenizerText {
    let tokens: PackedStrings
    let merges: GGUFMerges

    /// - Parameter frame: the document with an empty vocabulary and no merges, which end its model, which ends it.
    /// - Returns: what `JSONValue.text()` gives of the whole document, and a line's end.
    func bytes(in frame: JSONValue) -> [UInt8] {
        let text = Array(frame.text().utf8)
        let between = Array(",\n    \"merges\": ".utf8)
        let end = Array("\n  }\n}".utf8)
        let head = text.count - 2 - between.count - 2 - end.count
        precondition(text[head...].elementsEqual(Array("{}".utf8) + between + Array("[]".utf8) + end))
        // The length is counted first, since an array that grows is for a moment there twice.
        var counter = Sink(counts: true)
        write(text[..<head], between, end, to: &counter)
        var output = Sink(counts: false)
        output.bytes.reserveCapacity(counter.count)
        write(text[..<head], between, end, to: &output)
        return output.bytes
    }

    private func write(_ head: ArraySlice<UInt8>, _ between: [UInt8], _ end: [UInt8], to sink: inout Sink) {
        sink.append(head)
        sink.append("{")
        for id in tokens.indices {
            sink.append(id > 0 ? ",\n      " : "\n      ")
            tokens.withBytes(id) { sink.appendString($0) }
            sink.append(": ")
            sink.append("\(id)")
        }
        sink.append(tokens.isEmpty ? "}" : "\n    }")
        sink.append(between)
        sink.append("[")
        var isFirst = true
        merges.forEach { left, right in
            sink.append(isFirst ? "\n      [\n        " : ",\n      [\n        ")
            sink.appendString(left)
            sink.append(",\n        ")
            sink.appendString(right)
            sink.append("\n      ]")
            isFirst = false
        }
        sink.append(isFirst ? "]" : "\n    ]")
        sink.append(end)
        sink.append("\n")
    }

    /// Takes bytes, or only counts them.
    private struct Sink {
        let counts: Bool
        var count = 0
        var bytes: [UInt8] = []

        init(counts: Bool) { self.counts = counts }

        mutating func append(_ more: some Collection<UInt8>) {
            if counts { count += more.count } else { bytes.append(contentsOf: more) }
        }

        mutating func append(_ text: String) { append(text.utf8) }

        /// A string of JSON, given as UTF-8. Few need escapes.
        mutating func appendString(_ text: UnsafeBufferPointer<UInt8>) {
            let quote = UInt8(ascii: "\"")
            let isPlain = text.allSatisfy { $0 >= 0x20 && $0 != quote && $0 != UInt8(ascii: "\\") && $0 != 0x7F }
            guard isPlain else {
                return append(JSONValue.string(String(decoding: text, as: UTF8.self)).text(pretty: false))
            }
            append(CollectionOfOne(quote))
            append(text)
            append(CollectionOfOne(quote))
        }
    }
}
