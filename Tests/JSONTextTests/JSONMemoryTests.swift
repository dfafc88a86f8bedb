import Faults
import JSONText
import Testing

/// What values may take in memory, and lists that stay text.
struct JSONMemoryTests {
    private func refusal(_ body: () throws(Fault) -> Void) -> Fault? {
        do throws(Fault) { try body() } catch { return error }
        return nil
    }

    private func list(_ element: String, bytes: Int) -> [UInt8] {
        let count = bytes / (element.utf8.count + 1)
        return Array(("[" + String(repeating: element + ",", count: count) + element + "]").utf8)
    }

    @Test func textThatWouldTakeManyTimesItsLengthIsRefusedWithTheLine() throws {
        // What is allocated for these is some 25 times the text.
        let text = list("[0]", bytes: 4 << 20)
        let fault = try #require(refusal { () throws(Fault) in _ = try JSONValue(parsing: text) })
        #expect(fault.kind == .badData)
        #expect(fault.summary.contains("too much memory"))
        #expect(fault.found == "values of more than 72 MiB by here, in a text of \(text.count) bytes")
        #expect(fault.place?.hasPrefix("line 1, column ") == true)
    }

    @Test(arguments: ["[]", "0", "[0]", #"{"a":0}"#, #""a text that is longer than fifteen bytes""#])
    func whatIsCountedBoundsWhatTheValuesTake(element: String) throws {
        let text = list(element, bytes: 1 << 16)
        // The elements alone, each of which stands in an array of 24 bytes for one.
        let least = text.count / (element.utf8.count + 1) * MemoryLayout<JSONValue>.stride
        #expect(MemoryLayout<JSONValue>.stride == 24)
        #expect(
            refusal { () throws(Fault) in _ = try JSONValue(parsing: text, limits: JSONLimits(memory: least)) } != nil)
        let most = JSONLimits(memory: text.count * 40)
        #expect(refusal { () throws(Fault) in _ = try JSONValue(parsing: text, limits: most) } == nil)
    }

    @Test func usualContentTakesLessThanFiveTimesItsText() throws {
        let element = #"{"name": "a name of some length", "value": 0.123456789, "note": "as long as notes are"}"#
        let text = list(element, bytes: 1 << 19)
        let limits = JSONLimits(memory: text.count * 5)
        #expect(try JSONValue(parsing: text, limits: limits).arrayValue?.count ?? 0 > 5000)
    }

    @Test func listsStayTextAndAreReadAnElementAtATime() throws {
        let text = #"{"list": [1, [2, "]"], {"a": ","}], "model": {"merges": [ ], "vocab": {"b": 0}}, "merges": 5}"#
        let document = try JSONDocument(
            parsing: Array(text.utf8), leaving: [["list"], ["model", "merges"], ["model", "vocab"], ["merges"]])
        #expect(
            document.value.text(pretty: false)
                == #"{"list":null,"model":{"merges":null,"vocab":{"b":0}},"merges":5}"#)
        var elements: [String] = []
        let list = try #require(document.list("list"))
        try list.forEach { (element) in elements.append(element.text(pretty: false)) }
        #expect(elements == ["1", #"[2,"]"]"#, #"{"a":","}"#])
        #expect(list.count == 3)
        #expect(document.list("model", "merges")?.count == 0)
        #expect(document.list("model", "vocab") == nil)
        #expect(document.list("merges") == nil)
    }

    @Test func aFaultWithinALeftListHasItsPlaceInTheDocument() throws {
        let text = "{\n\"list\": [1,\n 2 3]}"
        let document = try JSONDocument(parsing: Array(text.utf8), leaving: [["list"]])
        let list = try #require(document.list("list"))
        let fault = refusal { () throws(Fault) in try list.forEach { (_) in } }
        #expect(fault?.place == "line 3, column 4")
    }

    @Test(arguments: [
        (#"{"a": 1, "list": [1,2], "z": 2}"#, #"{"a": 1, "list": ["new"], "z": 2}"#),
        (#"{"a": 1}"#, #"{"list":["new"],"a": 1}"#),
        (#"{"list": null, "a": 1}"#, #"{"list":["new"],"a":1}"#),
        ("{}", #"{"list":["new"]}"#),
    ])
    func aMemberIsSetInTheText(before: String, after: String) throws {
        let document = try JSONDocument(parsing: Array(before.utf8), leaving: [["list"]])
        let bytes = try document.text(setting: "list", to: .array([.string("new")]))
        #expect(String(decoding: bytes, as: UTF8.self) == after)
    }

    @Test func keysOfALargeObjectAreFoundAndLeaveIt() throws {
        let members = (0..<1000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        var object = try #require(try JSONValue(parsing: "{\(members)}").objectValue)
        for key in stride(from: 0, to: 1000, by: 7) { object["k\(key)"] = nil }
        for key in 0..<1000 { #expect(object["k\(key)"]?.integerValue == (key % 7 == 0 ? nil : key)) }
        object["new"] = .null
        #expect(object.keys.last == "new")
        #expect(object.count == 1000 - 143 + 1)
    }
}
