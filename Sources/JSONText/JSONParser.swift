import Faults

extension JSONValue {
    /// Reads one JSON document (RFC 8259). A byte-order mark is skipped.
    ///
    /// - Throws: `Fault` of kind `badData` with line and column for text that is not UTF-8 or not JSON, for a duplicate
    ///   key, for nesting beyond the limit, and for values that would take more memory than the limit.
    public init(parsing bytes: some Sequence<UInt8>, limits: JSONLimits = JSONLimits()) throws(Fault) {
        func read(_ buffer: UnsafeBufferPointer<UInt8>) -> Result<JSONValue, Fault> {
            var parser = JSONParser(text: buffer, limits: limits)
            do throws(Fault) { return .success(try parser.document()) } catch { return .failure(error) }
        }
        let result = bytes.withContiguousStorageIfAvailable(read) ?? Array(bytes).withUnsafeBufferPointer(read)
        self = try result.get()
    }

    public init(parsing text: String, limits: JSONLimits = JSONLimits()) throws(Fault) {
        try self.init(parsing: text.utf8, limits: limits)
    }

    /// Reads a document that is one object and hands out its members one after another, so that memory holds the text
    /// and one member's value, whatever the size of the whole.
    ///
    /// - Throws: as `init(parsing:)`, but a key that stands twice is for `take` to notice; what `take` throws.
    public static func members(
        parsing bytes: [UInt8], limits: JSONLimits = JSONLimits(),
        take: (_ key: String, _ value: JSONValue) throws(Fault) -> Void
    ) throws(Fault) {
        let result: Result<Void, Fault> = bytes.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(text: buffer, limits: limits)
            do throws(Fault) { return .success(try parser.documentMembers(take)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// The same for the object at a key of the document's; the document's other members are read as values.
    ///
    /// - Returns: these, and what stands at the key where it is no object.
    public static func members(
        of key: String, parsing bytes: [UInt8], limits: JSONLimits = JSONLimits(),
        take: (_ key: String, _ value: JSONValue) throws(Fault) -> Void
    ) throws(Fault) -> JSONObject {
        let result: Result<JSONObject, Fault> = bytes.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(text: buffer, limits: limits)
            do throws(Fault) { return .success(try parser.documentMembers(of: key, take)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

struct JSONParser {
    /// A list that is left as text.
    struct Deferred: Sendable {
        var path: [String]
        /// Of the text, brackets included.
        var range: Range<Int>
        var count: Int
    }

    let text: UnsafeBufferPointer<UInt8>
    let limits: JSONLimits
    /// Bytes that the values may take, and those that they take so far.
    private let memory: Int
    private var taken = 0
    var at = 0
    /// Paths of the lists to leave, and what was left.
    var leaving: [[String]] = []
    private(set) var deferred: [Deferred] = []
    /// The key of the outermost object whose value is being read.
    private var outerKey = ""

    init(text: UnsafeBufferPointer<UInt8>, limits: JSONLimits) {
        self.text = text
        self.limits = limits
        memory = limits.memory ?? JSONLimits.standardMemory(text.count)
    }

    /// Counts what a value takes, before it is made.
    mutating func take(memory bytes: Int) throws(Fault) {
        taken += bytes
        guard taken <= memory else {
            var fault = fault("its values take too much memory")
            fault.found = "values of more than \(memory >> 20) MiB by here, in a text of \(text.count) bytes"
            fault.expected = "at most \(memory) bytes"
            fault.advice = "remove what is not needed from the file"
            throw fault
        }
    }

    /// Keys of an object that are named though they are not read: enough to say what it has.
    private static let mostUnread = 128

    /// What an allocation takes beside its elements: an array's header and the allocator's.
    static let header = 48

    /// Counts the growth of a list that is full to its new capacity: while it grows, the old and the new one exist.
    ///
    /// - Parameter each: bytes that an element takes beside itself.
    private mutating func takeGrowth<Element>(
        of items: [Element], each: Int = 0
    ) throws(Fault) -> Int? {
        guard items.count == items.capacity else { return nil }
        let size = MemoryLayout<Element>.stride
        // By less than the double, where it matters.
        let capacity = items.count < 1024 ? max(2, 2 * items.count) : items.count + items.count / 4
        if items.isEmpty { try take(memory: JSONParser.header) }
        try take(memory: capacity * size + (capacity - items.count) * each)
        taken -= items.count * size
        return capacity
    }

    /// Reads a list, and hands out its elements.
    mutating func elements(_ take: (JSONValue) throws(Fault) -> Void) throws(Fault) {
        guard self.take("[") else { throw fault("a list was expected") }
        skipSpace()
        if self.take("]") { return }
        repeat {
            taken = 0
            try take(try value(depth: 3))
            skipSpace()
        } while self.take(",")
        guard self.take("]") else { throw fault("',' or ']' was expected") }
    }

    mutating func document() throws(Fault) -> JSONValue {
        skipMark()
        let value = try value(depth: 0)
        try checkEnd()
        return value
    }

    mutating func documentMembers(_ take: (String, JSONValue) throws(Fault) -> Void) throws(Fault) {
        try eachMember { (parser, key) throws(Fault) in
            parser.taken = 0
            try take(key, try parser.value(depth: 1))
        }
        try checkEnd()
    }

    /// Reads a document that is one object, and hands out the members of the object at one of its keys.
    ///
    /// - Returns: the other members, and what stands at the key and is no object.
    mutating func documentMembers(
        of outer: String, _ take: (String, JSONValue) throws(Fault) -> Void
    ) throws(Fault) -> JSONObject {
        skipMark()
        var others = JSONObject()
        var found = false
        try eachMember { (parser, key) throws(Fault) in
            guard !others.contains(key), !(found && key == outer) else {
                throw parser.fault("the key \"\(key.prefix(80))\" appears twice in one object")
            }
            parser.skipSpace()
            guard key == outer, parser.at < parser.text.count, parser.text[parser.at] == UInt8(ascii: "{") else {
                try parser.grow(&others)
                others.append(key, try parser.value(depth: 1))
                return
            }
            found = true
            let before = parser.taken
            try parser.eachMember { (parser, key) throws(Fault) in
                parser.taken = before
                try take(key, try parser.value(depth: 2))
            }
            parser.taken = before
        }
        try checkEnd()
        return others
    }

    private mutating func skipMark() {
        if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF { at = 3 }
    }

    private mutating func checkEnd() throws(Fault) {
        skipSpace()
        guard at == text.count else { throw fault("text follows the end of the JSON value") }
    }

    /// Reads an object's keys; `body` reads the values.
    private mutating func eachMember(_ body: (inout JSONParser, String) throws(Fault) -> Void) throws(Fault) {
        skipSpace()
        guard take("{") else { throw fault("an object was expected") }
        skipSpace()
        if take("}") { return }
        repeat {
            skipSpace()
            guard at < text.count, text[at] == UInt8(ascii: "\"") else { throw fault("a key in quotes was expected") }
            let key = try string()
            skipSpace()
            guard take(":") else { throw fault("':' was expected after a key") }
            try body(&self, key)
            skipSpace()
        } while take(",")
        guard take("}") else { throw fault("',' or '}' was expected") }
    }

    private mutating func value(depth: Int) throws(Fault) -> JSONValue {
        guard depth <= limits.depth else { throw fault("the JSON is nested more than \(limits.depth) deep") }
        skipSpace()
        guard at < text.count else { throw fault("the JSON ends early") }
        switch text[at] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "N") where limits.acceptsNonFinite: return try word("NaN", .number("NaN"))
        case UInt8(ascii: "I") where limits.acceptsNonFinite: return try word("Infinity", .number("Infinity"))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw fault("a JSON value was expected")
        }
    }

    private mutating func object(depth: Int) throws(Fault) -> JSONValue {
        var object = JSONObject()
        at += 1
        skipSpace()
        if take("}") { return .object(object) }
        while true {
            skipSpace()
            guard at < text.count, text[at] == UInt8(ascii: "\"") else { throw fault("a key in quotes was expected") }
            let keyStart = at
            let before = taken
            let key = try string()
            let isRead = limits.keys?.contains(key) ?? true
            guard !isRead || !object.contains(key) else {
                at = keyStart
                throw fault("the key \"\(key.prefix(80))\" appears twice in one object")
            }
            skipSpace()
            guard take(":") else { throw fault("':' was expected after a key") }
            if depth == 0 { outerKey = key }
            if isRead, let path = leftPath(key, depth: depth) {
                let start = at
                let count = try passOver()
                deferred.append(Deferred(path: path, range: start..<at, count: count))
                object.append(key, .null)
            } else if isRead {
                try grow(&object)
                object.append(key, try value(depth: depth + 1))
            } else {
                try passOver()
                if object.count < JSONParser.mostUnread, !object.contains(key) {
                    try grow(&object)
                    object.append(key, .null)
                } else {
                    taken = before
                }
            }
            skipSpace()
            if take("}") { return .object(object) }
            guard take(",") else { throw fault("',' or '}' was expected") }
        }
    }

    private mutating func grow(_ object: inout JSONObject) throws(Fault) {
        guard let capacity = try takeGrowth(of: object.members, each: JSONKeyTable.bytesOfMember) else { return }
        object.reserveCapacity(capacity)
    }

    /// The path of a value that is to be left; nil for others, and for what is no list.
    private mutating func leftPath(_ key: String, depth: Int) -> [String]? {
        guard depth < 2, !leaving.isEmpty else { return nil }
        skipSpace()
        guard at < text.count, text[at] == UInt8(ascii: "[") else { return nil }
        let path = depth == 0 ? [key] : [outerKey, key]
        return leaving.contains(path) ? path : nil
    }

    /// Goes to the end of a value that nobody reads: brackets and strings must close, and words be numbers or literals.
    ///
    /// - Returns: how many elements a list has, by its commas.
    @discardableResult
    private mutating func passOver() throws(Fault) -> Int {
        var open: [UInt8] = []
        var commas = 0
        // Brackets, words and separators; an empty list has two.
        var tokens = 0
        repeat {
            skipSpace()
            tokens += 1
            guard at < text.count else { throw fault("the JSON ends early") }
            let byte = text[at]
            switch byte {
            case UInt8(ascii: "\""): try passOverString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                // The closing bracket's code is the opening one's plus 2.
                open.append(byte + 2)
                at += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard open.popLast() == byte else { throw fault("a bracket closes that was not opened") }
                at += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard !open.isEmpty else { throw fault("a JSON value was expected") }
                if open.count == 1, byte == UInt8(ascii: ",") { commas += 1 }
                at += 1
            default: try passOverWord()
            }
        } while !open.isEmpty
        return tokens > 2 ? commas + 1 : 0
    }

    private mutating func passOverString() throws(Fault) {
        at += 1
        while at < text.count, text[at] != UInt8(ascii: "\"") { at += text[at] == UInt8(ascii: "\\") ? 2 : 1 }
        guard at < text.count else { throw fault("a string is not closed") }
        at += 1
    }

    private mutating func passOverWord() throws(Fault) {
        let start = at
        let marks = Set("+-._".utf8)
        func isInWord(_ byte: UInt8) -> Bool {
            (48...57).contains(byte) || (97...122).contains(byte | 0x20) || marks.contains(byte)
        }
        while at < text.count, isInWord(text[at]) { at += 1 }
        let word = String(decoding: text[start..<at], as: UTF8.self)
        let isNumber = Double(word) != nil && word.utf8.first.map { $0 < 58 } ?? false
        guard isNumber || ["true", "false", "null", "NaN", "Infinity"].contains(word) else {
            at = start
            throw fault("a JSON value was expected")
        }
    }

    private mutating func array(depth: Int) throws(Fault) -> JSONValue {
        var items: [JSONValue] = []
        at += 1
        skipSpace()
        if take("]") { return .array(items) }
        while true {
            guard items.count < limits.elements else {
                throw fault("an array has more than \(limits.elements) elements")
            }
            if let capacity = try takeGrowth(of: items) { items.reserveCapacity(capacity) }
            items.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(items) }
            guard take(",") else { throw fault("',' or ']' was expected") }
        }
    }

    private mutating func number() throws(Fault) -> JSONValue {
        let start = at
        func isDigit(_ position: Int) -> Bool { position < text.count && text[position] >= 48 && text[position] <= 57 }
        if text[at] == UInt8(ascii: "-") { at += 1 }
        if limits.acceptsNonFinite, at < text.count, text[at] == UInt8(ascii: "I") {
            return try word("Infinity", .number("-Infinity"))
        }
        guard isDigit(at) else { throw fault("a digit was expected") }
        if text[at] == UInt8(ascii: "0"), isDigit(at + 1) { throw fault("a number may not start with 0") }
        while isDigit(at) { at += 1 }
        if at < text.count, text[at] == UInt8(ascii: ".") {
            at += 1
            guard isDigit(at) else { throw fault("a digit was expected after the point") }
            while isDigit(at) { at += 1 }
        }
        if at < text.count, text[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            if at < text.count, text[at] == UInt8(ascii: "+") || text[at] == UInt8(ascii: "-") { at += 1 }
            guard isDigit(at) else { throw fault("a digit was expected in the exponent") }
            while isDigit(at) { at += 1 }
        }
        return .number(try decoded(text[start..<at], ascii: true))
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(Fault) -> JSONValue {
        for offset in 0..<word.utf8CodeUnitCount {
            guard at + offset < text.count, text[at + offset] == word.utf8Start[offset] else {
                throw fault("a JSON value was expected")
            }
        }
        at += word.utf8CodeUnitCount
        return value
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard at < text.count, text[at] == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    private mutating func skipSpace() {
        while at < text.count, text[at] == 32 || text[at] == 10 || text[at] == 13 || text[at] == 9 { at += 1 }
    }

    func fault(_ summary: String) -> Fault {
        var line = 1
        var column = 1
        for byte in text[..<min(at, text.count)] {
            if byte == 10 {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        let near = at < text.count ? String(decoding: text[at..<min(at + 24, text.count)], as: UTF8.self) : "the end"
        return Fault(
            .badData, "invalid JSON: \(summary)", place: "line \(line), column \(column)", found: near)
    }
}
