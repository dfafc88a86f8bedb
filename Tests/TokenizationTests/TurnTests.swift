import Faults
import JSONText
import Testing

@testable import Calibration
@testable import Tokenization

/// Tokens of marked parts of a text: those of assistants' turns against transformers' masks
/// (`Interop/make_turn_fixtures.py`), and odd edges.
@Suite("Marked tokens")
struct TurnTests {
    static let names = [
        "SmolLM2", "Qwen2", "ChatML without default", "Qwen2.5", "Qwen3", "Llama 2", "Llama 3",
        "Llama 3, first version", "Llama 3.1", "Mistral v0.1", "Mistral v0.2", "Mistral v0.2, new", "Mistral v0.3",
        "Zephyr",
    ]

    @Test("the assistant's tokens are those that transformers finds by generation marks", arguments: names)
    func reference(name: String) throws {
        let fixture = try Fixture.json("turns.json")
        let cases = try #require(try fixture.member("cases").arrayValue)
        let found = try #require(cases.first { $0.objectValue?["name"]?.stringValue == name })
        let template = try ChatTemplate.recognise(
            found.member("template").stringValue, beginning: found.member("bos").stringValue,
            end: found.member("eos").stringValue
        ).template()
        let tokenizer = try Fixture.tokenizer(try #require(found.member("tokenizer").stringValue))
        let conversations = try #require(try fixture.member("conversations").arrayValue)
        let expected = try #require(try found.member("tokens").arrayValue)
        var (compared, marked) = (0, 0)
        for (conversation, expected) in zip(conversations, expected) where expected.objectValue != nil {
            let text = try template.marked(try ChatMessage.list(conversation))
            var encoder = tokenizer.makeEncoder()
            let found = encoder.encode(text.text, marking: text.replies)
            let tokens = try #require(found, "\(text.text)")
            #expect(tokens.ids == (try expected.member("ids").ids()))
            #expect(tokens.ids == tokenizer.encode(text.text, addSpecialTokens: false))
            let mask = tokens.isMarked.map { $0 ? "1" : "0" }.joined()
            #expect(mask == (try expected.member("mask").stringValue), "\(text.text)")
            compared += 1
            marked += tokens.isMarked.count { $0 }
        }
        #expect(compared >= 8 && marked > 100)
    }

    private func tokens(
        _ tokenizer: Tokenizer, _ text: String, _ marked: [Range<Int>]
    ) -> (texts: [String], isMarked: [Bool])? {
        var encoder = tokenizer.makeEncoder()
        return encoder.encode(text, marking: marked).map { found in
            (found.ids.map { tokenizer.token(of: $0) ?? "" }, found.isMarked)
        }
    }

    @Test("a token over an edge is marked from either side, and every edge has its token")
    func edges() throws {
        for name in ["smollm", "qwen2", "llama2", "llama3", "mistral", "tekken", "gpt2"] {
            let tokenizer = try Fixture.tokenizer(name)
            let text = "the water and  the\n\nhouse, 123 caf\u{e9} \u{1F642}</s>then"
            let places = text.unicodeScalars.indices.map { text.utf8.distance(from: text.startIndex, to: $0) }
            let count = text.utf8.count
            for place in places {
                let head = tokens(tokenizer, text, [0..<place])
                let tail = tokens(tokenizer, text, [place..<count])
                // An added token is not cut.
                if tokenizer.id(of: "</s>") != nil, (42..<45).contains(place) {
                    #expect(head == nil && tail == nil)
                    continue
                }
                let (texts, before) = try #require(head, "\(name) \(place)")
                let after = try #require(tail).isMarked
                // Together all, and no more than one token twice, or the bytes of one character.
                for index in texts.indices { #expect(before[index] || after[index]) }
                #expect(texts.indices.count { before[$0] && after[$0] } <= 1)
                if place > 0 { #expect(before[0] && before == before.sorted { $0 && !$1 }) }
            }
        }
    }

    @Test("white space that an added token takes is not of the part that it stands in")
    func takenSpace() throws {
        var file = try Fixture.json("smollm.tokenizer.json")
        let added = try #require(try file.member("added_tokens").arrayValue)
        file = try file.with(
            "added_tokens",
            .array(
                try added.map { token in
                    try token.member("content").stringValue == "<|im_start|>"
                        ? try token.with("rstrip", .bool(true)).with("lstrip", .bool(true)) : token
                }))
        let tokenizer = try Tokenizer(json: file)
        let text = "a  <|im_start|>  b"
        // "a", "  <|im_start|>  ", "b"
        func marks(_ range: Range<Int>) -> [Bool]? { tokens(tokenizer, text, [range])?.isMarked }
        #expect(marks(16..<18) == [false, false, true])
        #expect(marks(0..<2) == [true, false, false])
        #expect(marks(2..<16) == [false, true, false])
        #expect(marks(1..<2) == [false, false, false])
        // An edge inside the token itself.
        #expect(marks(5..<18) == nil)
    }

    @Test("a text that is rewritten over an edge is not marked")
    func composed() throws {
        // NFC makes one character of the two.
        #expect(tokens(try Fixture.tokenizer("qwen2"), "cafe\u{301}s", [6..<7]) != nil)
        #expect(tokens(try Fixture.tokenizer("qwen2"), "cafe\u{301}s", [4..<7]) == nil)
        #expect(tokens(try Fixture.tokenizer("smollm"), "cafe\u{301}s", [4..<7]) != nil)
        // Inside a character, and beyond the end.
        #expect(tokens(try Fixture.tokenizer("smollm"), "cafe\u{301}s", [5..<7]) == nil)
        #expect(tokens(try Fixture.tokenizer("smollm"), "cafe\u{301}s", [6..<8]) == nil)
    }
}
