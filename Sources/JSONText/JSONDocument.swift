import Faults

/// A list of a document that is left as text and read an element at a time, so that memory never holds all of them.
public struct JSONTextList: Sendable {
    /// Elements, by the commas.
    public let count: Int
    private let bytes: [UInt8]
    private let start: Int
    private let limits: JSONLimits

    init(_ bytes: [UInt8], _ limits: JSONLimits, _ found: JSONParser.Deferred) {
        self.bytes = bytes
        self.limits = limits
        start = found.range.lowerBound
        count = found.count
    }

    /// Hands out the elements in order.
    ///
    /// - Throws: as `JSONValue.init(parsing:)`, with line and column in the document; what `take` throws.
    public func forEach(_ take: (JSONValue) throws(Fault) -> Void) throws(Fault) {
        let result: Result<Void, Fault> = bytes.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(text: buffer, limits: limits)
            parser.at = start
            do throws(Fault) { return .success(try parser.elements(take)) } catch { return .failure(error) }
        }
        try result.get()
    }
}

/// A document of which some lists are left as text.
public struct JSONDocument: Sendable {
    /// The values; null where a list was left.
    public let value: JSONValue
    private let bytes: [UInt8]
    private let limits: JSONLimits
    private let deferred: [JSONParser.Deferred]

    /// - Parameters:
    ///   - lists: keys of the lists to leave, each from the outermost object inwards, of two keys at most. What stands
    ///     there and is no list is read as all else.
    /// - Throws: as `JSONValue.init(parsing:)`. Within the lists only brackets, quotes and words are looked at here.
    public init(
        parsing bytes: [UInt8], leaving lists: [[String]], limits: JSONLimits = JSONLimits()
    ) throws(Fault) {
        let result: Result<(JSONValue, [JSONParser.Deferred]), Fault> = bytes.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(text: buffer, limits: limits)
            parser.leaving = lists
            do throws(Fault) { return .success((try parser.document(), parser.deferred)) } catch {
                return .failure(error)
            }
        }
        (value, deferred) = try result.get()
        self.bytes = bytes
        self.limits = limits
    }

    /// The list that was left at some keys; nil where none was.
    public func list(_ path: String...) -> JSONTextList? {
        deferred.first { $0.path == path }.map { JSONTextList(bytes, limits, $0) }
    }

    /// The text of the document, which is an object, with a member set; all else stays as it is written.
    ///
    /// - Throws: as `JSONValue.init(parsing:)`, where something else than a list stands there and all is read anew.
    public func text(setting key: String, to value: JSONValue) throws(Fault) -> [UInt8] {
        let new = Array(value.text(pretty: false).utf8)
        if let range = deferred.first(where: { $0.path == [key] })?.range {
            return bytes[..<range.lowerBound] + new + bytes[range.upperBound...]
        }
        let object = self.value.objectValue ?? JSONObject()
        if let brace = bytes.firstIndex(of: UInt8(ascii: "{")), !object.isEmpty, object[key] == nil {
            return bytes[...brace] + Array((JSONValue.string(key).text() + ":").utf8) + new
                + [UInt8(ascii: ",")] + bytes[(brace + 1)...]
        }
        var whole = try JSONValue(parsing: bytes, limits: limits).objectValue ?? JSONObject()
        whole[key] = value
        return Array(JSONValue.object(whole).text(pretty: false).utf8)
    }
}
