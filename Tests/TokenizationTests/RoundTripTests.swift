import Testing

@testable import Tokenization

@Suite struct RoundTripTests {
    @Test(arguments: ["gpt2", "smollm", "llama3", "tekken"])
    func `a byte-level tokenizer decodes what it encoded`(family: String) throws {
        let tokenizer = try Fixture.tokenizer(family)
        var encoder = tokenizer.makeEncoder()
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            let text = generator.text(upTo: 80)
            let ids = encoder.encode(text, addSpecialTokens: false)
            #expect(tokenizer.decode(ids, skipSpecialTokens: false).utf8.elementsEqual(text.utf8))
        }
    }

    @Test func `a character model with byte fallback decodes what it encoded`() throws {
        let tokenizer = try Fixture.tokenizer("mistral")
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<200 {
            // The marker itself decodes to a blank: such texts do not come back.
            let text = generator.text(upTo: 40).unicodeScalars.filter { $0 != "▁" && $0 != " " }
            let ids = tokenizer.encode(String(String.UnicodeScalarView(text)), addSpecialTokens: true)
            #expect(tokenizer.decode(ids, skipSpecialTokens: true).unicodeScalars.elementsEqual(text))
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["a", " ", "\n", "<", "'", "1", "é", "▁", "\u{301}"])
    func `a long run of one character takes no quadratic time`(character: String) throws {
        let text = String(repeating: character, count: 20_000)
        for family in ["smollm", "llama3", "tekken", "llama2", "options"] {
            #expect(try !Fixture.tokenizer(family).encode(text, addSpecialTokens: false).isEmpty)
        }
    }

    @Test func `bytes that are not UTF-8 are refused`() throws {
        var encoder = try Fixture.tokenizer("gpt2").makeEncoder()
        #expect(throws: (any Error).self) { try encoder.encode(utf8: [0x61, 0xFF], addSpecialTokens: false) }
        #expect(
            try encoder.encode(utf8: Array("hé".utf8), addSpecialTokens: false)
                == encoder.encode("hé", addSpecialTokens: false))
    }

    @Test func `an unfinished character is held back until it is complete`() throws {
        let tokenizer = try Fixture.tokenizer("gpt2")
        let ids = tokenizer.encode("🧑🏿‍🚀", addSpecialTokens: false)
        var decoder = tokenizer.makeStreamingDecoder(skipSpecialTokens: false)
        let parts = ids.map { decoder.append($0) }
        #expect(parts.count > 4)
        #expect(parts.allSatisfy { !$0.unicodeScalars.contains("\u{FFFD}") })
        #expect(parts.joined() == "🧑🏿‍🚀")
        #expect(decoder.finish().isEmpty)
        _ = decoder.append(ids[0])
        #expect(decoder.finish() == "\u{FFFD}")
    }

    @Test func `special tokens are known by name, by id and by their place around a text`() throws {
        let tokenizer = try Fixture.tokenizer("llama3")
        let begin = try #require(tokenizer.id(of: "<|begin_of_text|>"))
        #expect(tokenizer.token(of: begin) == "<|begin_of_text|>")
        #expect(tokenizer.specialTokenIDs.contains(begin))
        #expect(tokenizer.prefixIDs == [begin])
        let plain = tokenizer.encode("a", addSpecialTokens: false)
        #expect(tokenizer.encode("a", addSpecialTokens: true) == [begin] + plain)
        #expect(tokenizer.token(of: Int32(tokenizer.vocabularySize)) == nil)
        #expect(tokenizer.token(of: -1) == nil)
        #expect(tokenizer.id(of: "no such token") == nil)
        #expect(tokenizer.encode("", addSpecialTokens: true) == [begin])
    }
}
