import JSONText
import Testing

@testable import Tokenization

/// Long texts are normalised in sections; the ids are those of the whole.
@Suite struct SectionTests {
    /// A step that changes nothing here, but looks at more than a byte: with it nothing is cut into sections.
    private static func whole(_ json: JSONValue) throws -> Tokenizer {
        let idle = try JSONValue(
            parsing: #"{"type": "Replace", "pattern": {"String": "\u0001\u0002"}, "content": "\u0003"}"#)
        let normalizer = try json.member("normalizer")
        let steps = normalizer.isNull ? [idle] : [normalizer, idle]
        let sequence: JSONValue = .object(["type": .string("Sequence"), "normalizers": .array(steps)])
        let tokenizer = try Tokenizer(json: try json.with("normalizer", sequence))
        #expect(tokenizer.sections == nil && tokenizer.bytewise == nil)
        return tokenizer
    }

    /// Words of all kinds with blanks, marks and added tokens between them, of about 200 KB.
    private static func text(_ seed: UInt64) -> String {
        var generator = SeededGenerator(seed: seed)
        let parts = [
            " ", " ", " ", "  ", "\n", "\u{2581}", "a", "Once", "time9", "the", "é", "漢字", "<s>", "<x>", "a b", ".",
        ]
        var text = ""
        while text.utf8.count < 200_000 {
            text += parts.randomElement(using: &generator) ?? ""
            if Int.random(in: 0..<40, using: &generator) == 0 { text += generator.text(upTo: 6) }
        }
        return text
    }

    private static func sections(_ tokenizer: Tokenizer, _ text: String) throws -> [String] {
        let sections = try #require(tokenizer.sections)
        return Array(text.utf8).withUnsafeBufferPointer { bytes in
            var parts: [String] = []
            var start = 0
            while start < bytes.count {
                let end = sections.end(in: bytes, from: start)
                parts.append(String(decoding: bytes[start..<end], as: UTF8.self))
                start = end
            }
            return parts
        }
    }

    @Test(arguments: [
        ("llama2", nil), ("llama2", #"{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}"#),
        ("llama2", #"{"type": "Prepend", "prepend": " "}"#), ("mistral", nil),
    ])
    func `the ids of a long text are those of the whole`(name: String, normalizer: String?) throws {
        var json = try Fixture.json("\(name).tokenizer.json")
        if let normalizer { json = try json.with("normalizer", try JSONValue(parsing: normalizer)) }
        if name == "mistral" { json = try json.with("pre_tokenizer.prepend_scheme", .string("always")) }
        let tokenizer = try Tokenizer(json: json)
        let whole = try SectionTests.whole(json)
        // Without a mark for the blank nothing is cut.
        let cuts = normalizer?.contains("Prepend") != true
        #expect((tokenizer.sections != nil) == cuts)
        for seed: UInt64 in 1...2 {
            let text = SectionTests.text(seed)
            if cuts {
                let parts = try SectionTests.sections(tokenizer, text)
                #expect(parts.count >= 3 && parts.joined() == text)
                #expect(parts.dropFirst().allSatisfy { $0.hasPrefix(" ") })
            }
            #expect(
                tokenizer.encode(text, addSpecialTokens: true) == whole.encode(text, addSpecialTokens: true))
        }
    }

    @Test(arguments: ["always", "never"]) func `so are they where the mark splits`(scheme: String) throws {
        let json = try Fixture.json("mistral.tokenizer.json").with("pre_tokenizer.split", .bool(true))
            .with("pre_tokenizer.prepend_scheme", .string(scheme))
        let tokenizer = try Tokenizer(json: json)
        let text = SectionTests.text(3)
        #expect(try SectionTests.sections(tokenizer, text).count >= 3)
        #expect(
            tokenizer.encode(text, addSpecialTokens: false)
                == (try SectionTests.whole(json)).encode(text, addSpecialTokens: false))
    }

    /// Gemma's pre-tokenizer looks for blanks, of which its normalizer leaves none.
    @Test func `a pattern that cannot be found cuts nothing`() throws {
        let split = #"""
            {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false}
            """#
        let replace = #"{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}"#
        var json = try Fixture.json("llama2.tokenizer.json").with("pre_tokenizer", try JSONValue(parsing: split))
        #expect(try Tokenizer(json: json.with("normalizer", .null)).sections == nil)
        json = try json.with("normalizer", try JSONValue(parsing: replace))
        let tokenizer = try Tokenizer(json: json)
        let text = SectionTests.text(4)
        #expect(try SectionTests.sections(tokenizer, text).count >= 3)
        #expect(
            tokenizer.encode(text, addSpecialTokens: false)
                == (try SectionTests.whole(json)).encode(text, addSpecialTokens: false))
    }

    @Test(arguments: [
        (#""normalized": true"#, "<x>", true), (#""normalized": true"#, "a b", false),
        (#""normalized": false"#, "a b", true), (#""normalized": true, "single_word": true"#, "<x>", false),
        (#""normalized": true, "rstrip": true"#, "<x>", false),
        (#""normalized": true, "lstrip": true"#, "<x>", false),
    ])
    func `an added token that could be cut forbids sections`(flags: String, content: String, cuts: Bool) throws {
        var json = try Fixture.json("llama2.tokenizer.json")
        let count = try Tokenizer(json: json).vocabularySize
        let token = try JSONValue(parsing: "{\"id\": \(count), \"content\": \"\(content)\", \(flags)}")
        let added = try json.member("added_tokens").arrayValue ?? []
        json = try json.with("added_tokens", .array(added + [token]))
        // A prefix would keep the token itself from being found after normalisation.
        json = try json.with(
            "normalizer", try JSONValue(parsing: #"{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}"#))
        let tokenizer = try Tokenizer(json: json)
        #expect((tokenizer.sections != nil) == cuts)
        let text = SectionTests.text(5)
        let ids = tokenizer.encode(text, addSpecialTokens: false)
        #expect(ids.contains(Int32(count)))
        #expect(ids == (try SectionTests.whole(json)).encode(text, addSpecialTokens: false))
    }

    @Test func `steps on single bytes are joined`() throws {
        let steps: [Normalizer] = [
            .replace(Array("b".utf8), with: Array("  ".utf8)), .prepend(Array(" b".utf8)),
            .replace(Array(" ".utf8), with: Array("▁".utf8)), .prepend(Array("x".utf8)),
        ]
        let joined = try #require(BytewiseSteps(steps))
        for text in ["", " ", "a b", "bbé 漢", "no"] {
            let bytes = Array(text.utf8)
            let expected = steps.reduce(bytes) { $1.apply(to: $0) }
            #expect(bytes.withUnsafeBufferPointer { joined.apply(to: $0) } == expected)
        }
        #expect(joined.removes(UInt8(ascii: " ")) && !joined.removes(UInt8(ascii: "x")))
        // What can leave nothing of a text decides whether a prefix is put, so it is not joined.
        #expect(BytewiseSteps([.replace([0x20], with: [])]) == nil)
        #expect(BytewiseSteps([.replace([0x20, 0x20], with: [0x20])]) == nil)
        #expect(BytewiseSteps([.nfc]) == nil)
    }
}
