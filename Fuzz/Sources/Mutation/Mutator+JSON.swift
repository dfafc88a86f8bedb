extension Mutator {
    /// Replaces, removes, repeats, swaps or nests values of a JSON text. It needs no valid text: what was broken by an
    /// earlier change is read as far as it goes.
    mutating func changedJSON(_ input: [UInt8]) -> [UInt8] {
        let spans = Mutator.valueSpans(input)
        guard !spans.isEmpty else { return changedBytes(input) }
        let span = any(spans)
        var bytes = input
        let value = Array(bytes[span])
        switch below(10) {
        case 0, 1, 2: bytes.replaceSubrange(span, with: any(Mutator.jsonValues))
        case 3: bytes.replaceSubrange(span, with: Array(bytes[any(spans)]))
        case 4:
            // The value, its comma, and a key before it.
            var (start, end) = (span.lowerBound, span.upperBound)
            while start > 0, !Array(",[{".utf8).contains(bytes[start - 1]) { start -= 1 }
            if end < bytes.count, bytes[end] == UInt8(ascii: ",") { end += 1 }
            bytes.removeSubrange(start..<end)
        case 5: bytes.insert(contentsOf: value + [UInt8(ascii: ",")], at: span.lowerBound)
        case 6:
            let copies = any([2, 3, 17, 300])
            let many = (0..<copies).flatMap { ($0 == 0 ? [] : [UInt8(ascii: ",")]) + value }
            bytes.replaceSubrange(span, with: Array("[".utf8) + many + Array("]".utf8))
        case 7:
            let other = any(spans)
            guard other.lowerBound >= span.upperBound else { return changedBytes(input) }
            let second = Array(bytes[other])
            bytes.replaceSubrange(other, with: value)
            bytes.replaceSubrange(span, with: second)
        case 8:
            let depth = any([1, 3, 70, 600])
            bytes.replaceSubrange(
                span,
                with: [UInt8](repeating: UInt8(ascii: "["), count: depth) + value
                    + [UInt8](repeating: UInt8(ascii: "]"), count: depth))
        default:
            // A number beside the one that was there; a text a little longer, shorter or stranger.
            if let number = Int(String(decoding: value, as: UTF8.self)) {
                let near = [
                    number &+ 1, number &- 1, 0 &- number, number &* 2, number / 2, number &* 1_000_003,
                ]
                bytes.replaceSubrange(span, with: Array("\(any(near))".utf8))
            } else if value.first == UInt8(ascii: "\""), value.count > 2 {
                let piece = any(["", "\\u0000", "\\n", "\\u202e", "\\ud800", "/", "..", " ", "é", "\\u001b[31m"])
                bytes.replaceSubrange(span, with: Array("\"\(piece)".utf8) + value.dropFirst())
            } else {
                bytes.replaceSubrange(span, with: any(Mutator.jsonValues))
            }
        }
        return bytes
    }

    /// Changes one line as JSON, or the order and number of the lines.
    mutating func changedLines(_ input: [UInt8]) -> [UInt8] {
        var lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
        let at = below(lines.count)
        switch below(8) {
        case 0: lines.insert(lines[at], at: below(lines.count + 1))
        case 1: lines.remove(at: at)
        case 2: lines.swapAt(at, below(lines.count))
        case 3: lines[at] = Array(lines[at].prefix(below(lines[at].count + 1)))
        default: lines[at] = changedJSON(lines[at])
        }
        return Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    }

    /// Where values begin and end: texts, numbers, words, arrays and objects, keys included.
    static func valueSpans(_ bytes: [UInt8]) -> [Range<Int>] {
        var spans: [Range<Int>] = []
        var open: [Int] = []
        var at = 0
        while at < bytes.count {
            let start = at
            switch bytes[at] {
            case UInt8(ascii: "\""):
                at += 1
                while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
                    at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
                }
                at = min(at + 1, bytes.count)
                spans.append(start..<at)
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                open.append(at)
                at += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                at += 1
                if let begin = open.popLast() { spans.append(begin..<at) }
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"):
                while at < bytes.count, !Array(",]}: \n\r\t\"[{".utf8).contains(bytes[at]) { at += 1 }
                spans.append(start..<at)
            default: at += 1
            }
        }
        return spans
    }

    static let jsonValues: [[UInt8]] = {
        let long = "\"" + String(repeating: "a", count: 3000) + "\""
        let many = "[" + String(repeating: "1,", count: 700) + "1]"
        return (jsonTexts + [long, many]).map { Array($0.utf8) }
    }()

    private static let jsonTexts: [String] = [
        "0", "-0", "-1", "1", "2", "3", "65536", "2147483647", "2147483648", "4294967295", "4294967296",
        "9007199254740993", "4611686018427387904", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "18446744073709551615", "1e308", "1e400", "-1e308", "5e-324", "0.1", "0.5", "1.0000001",
        "1e5", "NaN", "-Infinity", "Infinity", "true", "false", "null", "[]", "{}", "[[]]", "[null]", "\"\"", "\" \"",
        "\"a\"", "\"../../etc/passwd\"", "\"/etc/passwd\"", "\"\\u0000\"", "\"\\u202e\\u001b[31m\"", "\"\\n\\n\"",
        "\"(a+)+$\"", "\"é\"", "\"1\"", "\"llama\"", "{\"a\":1}", "[1,2,3]", "{\"\":{\"\":{}}}",
    ]
}
