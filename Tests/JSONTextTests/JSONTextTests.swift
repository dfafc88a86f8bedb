import Faults
import JSONText
import Testing

struct JSONTextTests {
    private func refusal(_ text: String, depth: Int = 64) -> Fault? {
        do {
            _ = try JSONValue(parsing: text, limits: JSONLimits(depth: depth))
            return nil
        } catch { return error }
    }

    @Test func orderOfKeysIsKept() throws {
        let value = try JSONValue(parsing: #"{"z":1,"a":{"y":null,"b":true},"m":[]}"#)
        #expect(value.objectValue?.keys == ["z", "a", "m"])
        #expect(value.text(pretty: false) == #"{"z":1,"a":{"y":null,"b":true},"m":[]}"#)
    }

    @Test func textOfNumbersIsKept() throws {
        let text = "[1e-05,1.0,-0,9223372036854775808,100000.0,1E+3]"
        let value = try JSONValue(parsing: text)
        #expect(value.text(pretty: false) == text)
        #expect(value.arrayValue?.map(\.integerValue) == [nil, nil, 0, nil, nil, nil])
        #expect(value.arrayValue?.first?.doubleValue == 1e-5)
    }

    @Test func prettyTextHasTwoSpacesAndNoEscapedUnicode() throws {
        let value = try JSONValue(parsing: #"{"a":[1,{"é":"\u00e9\n"}],"b":{},"c":[]}"#)
        #expect(
            value.text() == """
                {
                  "a": [
                    1,
                    {
                      "é": "é\\n"
                    }
                  ],
                  "b": {},
                  "c": []
                }
                """)
    }

    @Test func duplicateKeyIsRefusedWithItsPlace() {
        let fault = refusal("{\"a\": 1,\n  \"a\": 2}")
        #expect(fault?.kind == .badData)
        #expect(fault?.summary.contains("twice") == true)
        #expect(fault?.place == "line 2, column 3")
        #expect(refusal(#"{"a":1,"\u0061":2}"#)?.summary.contains("twice") == true)
    }

    @Test func nestingBeyondTheLimitIsRefused() throws {
        _ = try JSONValue(parsing: "[[[1]]]", limits: JSONLimits(depth: 3))
        #expect(refusal("[[[[1]]]]", depth: 3)?.summary.contains("nested") == true)
        #expect(refusal(String(repeating: "[", count: 1_000_000))?.summary.contains("nested") == true)
        #expect(refusal(String(repeating: "{\"a\":", count: 1_000_000))?.summary.contains("nested") == true)
    }

    @Test(arguments: [
        [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x82],
    ])
    func textThatIsNotUTF8IsRefused(bytes: [UInt8]) {
        #expect(throws: Fault.self) { try JSONValue(parsing: bytes) }
    }

    @Test func surrogatePairsAreJoinedAndHalvesRefused() throws {
        #expect(try JSONValue(parsing: #""\ud83d\ude00""#).stringValue == "😀")
        for text in [#""\ud83d""#, #""\ude00""#, #""\ud83dx""#, #""\ud83d\u0041""#, #""\ud83d\ud83d""#] {
            #expect(refusal(text)?.summary.contains("surrogate") == true)
        }
    }

    @Test func canonicallyEquivalentKeysAreBothKept() throws {
        let value = try JSONValue(parsing: "{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(value.objectValue?.count == 2)
        #expect(value.objectValue?["\u{E9}"]?.integerValue == 1)
        #expect(value.objectValue?["e\u{301}"]?.integerValue == 2)
        #expect(ExactText("\u{E9}") != ExactText("e\u{301}"))
    }

    @Test(arguments: [
        ("{\"a\": nan}", "line 1, column 7"), ("{\n\"a\": 1,\n}", "line 3, column 1"), ("[1,\n 2", "line 2, column 3"),
        ("[\"é\" x]", "line 1, column 6"), ("1 2", "line 1, column 3"),
    ])
    func faultsTellLineAndColumn(text: String, place: String) {
        #expect(refusal(text)?.place == place)
    }

    @Test(arguments: [
        "01", "+1", "1.", ".5", "1e", "--1", "NaN", "Infinity", "'a'", "tru", "[1,]", "{,}", "\"\t\"", "\"\\x\"", "",
    ])
    func textThatIsNotJSONIsRefused(text: String) {
        #expect(refusal(text)?.kind == .badData)
    }

    @Test func byteOrderMarkIsSkipped() throws {
        #expect(try JSONValue(parsing: "\u{FEFF}{}").objectValue?.isEmpty == true)
    }

    @Test func assigningKeepsPlaceAppendsOrRemoves() throws {
        var object = try #require(try JSONValue(parsing: #"{"a":1,"b":2,"c":3}"#).objectValue)
        object["a"] = .string("x")
        object["d"] = .null
        object["b"] = nil
        #expect(JSONValue.object(object).text(pretty: false) == #"{"a":"x","c":3,"d":null}"#)
        #expect(object["c"]?.integerValue == 3)
    }

    @Test func controlCharactersAreEscaped() throws {
        let text = JSONValue.string("\u{1}\"\\\u{7f}\u{8}").text()
        #expect(text == #""\u0001\"\\\u007f\b""#)
        #expect(try JSONValue(parsing: text).stringValue == "\u{1}\"\\\u{7f}\u{8}")
    }
}
