import Faults

/// Cuts a JSON array, or objects of several lines each that stand one after another, into its elements, byte by byte,
/// so that a file may be larger than memory. What an element holds is left to whoever reads it.
public struct JSONArraySplitter {
    public enum Layout: Sendable {
        case array
        /// As programs print them for people.
        case objects
    }

    public struct Element {
        /// Where it begins, from 1.
        public var line: Int
        /// Bytes from the beginning.
        public var offset: Int
        public var bytes: [UInt8]
    }

    private enum State {
        case before, first, element, value, separator, after
    }

    private let layout: Layout
    private let longest: Int
    private var state = State.before
    private var offset = 0
    private var line = 1
    private var open = Element(line: 0, offset: 0, bytes: [])
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    public init(_ layout: Layout, longest: Int = LineReader.longestLine) {
        self.layout = layout
        self.longest = longest
    }

    /// How a file is laid out that begins with these bytes; nil for records that are a line each.
    public static func layout(_ start: some Collection<UInt8>) -> Layout? {
        var depth = 0
        var isInString = false
        var isEscaped = false
        var lineIsOver = false
        for byte in start.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(start.dropFirst(3)) : Array(start) {
            if isInString {
                // A string does not go beyond its line.
                if byte == 10 { return nil }
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            if byte == 10 { lineIsOver = depth > 0 }
            if byte == 32 || (9...13).contains(byte) { continue }
            if depth == 0, byte == UInt8(ascii: "[") { return .array }
            // After a line that was broken off the next record begins.
            if lineIsOver { return byte == UInt8(ascii: "{") ? nil : .objects }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\""): isInString = true
            default: break
            }
            if depth <= 0 { return nil }
        }
        return nil
    }

    /// - Returns: an element where this byte ends one.
    /// - Throws: `badData` with the line for what is no array.
    public mutating func take(_ byte: UInt8) throws(Fault) -> Element? {
        defer {
            offset += 1
            if byte == 10 { line += 1 }
        }
        if state == .value { return try continueValue(byte) }
        if byte == 32 || (9...13).contains(byte) { return nil }
        // A byte-order mark.
        if state == .before, offset < 3, [0xEF, 0xBB, 0xBF].contains(byte) { return nil }
        if layout == .objects {
            guard byte == UInt8(ascii: "{") else {
                throw fault("there is something else between the objects", expected: "{…} one after another")
            }
            begin(byte)
            return nil
        }
        switch (state, byte) {
        case (.before, UInt8(ascii: "[")): state = .first
        case (.first, UInt8(ascii: "]")), (.separator, UInt8(ascii: "]")): state = .after
        case (.separator, UInt8(ascii: ",")): state = .element
        case (.first, _), (.element, _):
            guard byte == UInt8(ascii: "{") else {
                throw fault("an element of the array is not an object", expected: "{…}")
            }
            begin(byte)
        case (.after, _): throw fault("text follows the end of the array", expected: "one array")
        default: throw fault("the array is not well formed", expected: "objects, separated by commas")
        }
        return nil
    }

    private mutating func begin(_ byte: UInt8) {
        (state, depth) = (.value, 1)
        open = Element(line: line, offset: offset, bytes: [byte])
    }

    private mutating func continueValue(_ byte: UInt8) throws(Fault) -> Element? {
        if open.bytes.count == open.bytes.capacity, open.bytes.count > 1 << 20 {
            // By less than the double, which a long element would reach.
            open.bytes.reserveCapacity(open.bytes.count + open.bytes.count / 4)
        }
        open.bytes.append(byte)
        guard open.bytes.count <= longest else {
            throw Fault(
                .badData, "a record is too long", place: "line \(open.line)",
                found: "more than \(longest) bytes", expected: "at most \(longest) bytes per record")
        }
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return nil
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        default: break
        }
        guard depth == 0 else { return nil }
        state = .separator
        defer { open.bytes = [] }
        return open
    }

    /// - Throws: `badData` when the array or its last object is not closed.
    public func finish() throws(Fault) {
        if layout == .objects {
            guard state != .value else {
                throw Fault(.badData, "the object is not closed", place: "line \(open.line)", expected: "}")
            }
            return
        }
        guard state == .after else { throw fault("the array is not closed", expected: "]") }
    }

    private func fault(_ summary: String, expected: String) -> Fault {
        Fault(.badData, summary, place: "line \(line)", expected: expected)
    }
}
