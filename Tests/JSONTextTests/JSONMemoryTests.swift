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
        #expect(fault.found == "values of more than 16 MiB by here, in a text of \(text.count) bytes")
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

    @Test func manyShortMembersAreRefusedFromTheSizeOnThatTakesThreeTimesTheText() throws {
        let text = Array(("{" + (0..<250_000).map { "\"\($0)\":0" }.joined(separator: ",") + "}").utf8)
        let fault = try #require(refusal { () throws(Fault) in _ = try JSONValue(parsing: text) })
        #expect(fault.summary.contains("too much memory"))
        #expect(JSONLimits.standardMemory(text.count) == 16 << 20)
        #expect(JSONLimits.standardMemory(40 << 20) == 70 << 20)
        // A member's key and value, the table of the keys, and the old list beside the new one while it grows.
        let limits = JSONLimits(memory: 250_000 * 110)
        #expect(refusal { () throws(Fault) in _ = try JSONValue(parsing: text, limits: limits) } == nil)
    }

    @Test func aGrowingListIsCountedBesideTheOneThatItReplaces() throws {
        let text = list("0", bytes: 1 << 17)
        let count = text.count / 2
        let limits = JSONLimits(memory: count * MemoryLayout<JSONValue>.stride * 5 / 4)
        #expect(refusal { () throws(Fault) in _ = try JSONValue(parsing: text, limits: limits) } != nil)
    }

    @Test func keysThatNobodyReadsTakeNoMemory() throws {
        let unread = (0..<20_000).map { "\"a key that nobody reads \($0)\":0" }.joined(separator: ",")
        let text = "{\(unread),\"text\":\"a\"}"
        let limits = JSONLimits(keys: ["text"], memory: 1 << 15)
        let object = try #require(try JSONValue(parsing: text, limits: limits).objectValue)
        #expect(object["text"]?.stringValue == "a" && object.count == 129)
    }

    @Test func aStringWithEscapesTakesItsTextOnce() throws {
        let text = "[\"" + String(repeating: #"é\n\u00e9\\"#, count: 1000) + "\"]"
        let limits = JSONLimits(memory: text.utf8.count + 200)
        let value = try JSONValue(parsing: text, limits: limits)
        #expect(value.arrayValue?[0].stringValue == String(repeating: "é\né\\", count: 1000))
    }

    @Test func membersOfOneObjectAreHandedOutAndTheOthersReturned() throws {
        var found: [String] = []
        func members(_ text: String) throws(Fault) -> JSONObject {
            found = []
            return try JSONValue.members(of: "map", parsing: Array(text.utf8)) { found.append("\($0)=\($1.text())") }
        }
        let others = try members(
            "\u{FEFF}{\"a\": [1], \"map\": {\"x\": 1, \"y\": \"z\"}, \"b\": {\"map\": {\"q\": 2}}} ")
        #expect(found == ["x=1", "y=\"z\""])
        #expect(JSONValue.object(others).text(pretty: false) == #"{"a":[1],"b":{"map":{"q":2}}}"#)
        #expect(try members(#"{"map": 5}"#)["map"]?.integerValue == 5 && found.isEmpty)
        for wrong in ["[]", #"{"map":{}"#, #"{"map":{}} x"#, #"{"map":{},"map":{}}"#, #"{"a":1,"a":2}"#, ""] {
            #expect(refusal { () throws(Fault) in _ = try members(wrong) } != nil, "\(wrong)")
        }
    }

    @Test func bytesAreUTF8WhereAStringCanBeMadeOfThem() {
        var state: UInt64 = 7
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let scalars: [Unicode.Scalar] =
            ["a", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}"]
            + ["\u{10000}", "\u{10FFFF}"]
        var invalid = 0
        for _ in 0..<20_000 {
            var bytes = Array(String(String.UnicodeScalarView((0..<3).map { _ in scalars[random(10)] })).utf8)
            for _ in 0..<random(3) { bytes[random(bytes.count)] = UInt8(random(256)) }
            if random(4) == 0 { bytes.removeLast() }
            let isValid = String(validating: bytes, as: UTF8.self) != nil
            if !isValid { invalid += 1 }
            #expect(UTF8Check.isValid(bytes) == isValid, "\(bytes)")
        }
        #expect(invalid > 1000)
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
