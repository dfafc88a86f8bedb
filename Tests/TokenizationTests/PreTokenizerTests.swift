import JSONText
import Testing

@testable import Tokenization

/// Every rule that a GGUF file can name, on texts of many scripts, with a model whose merges cross every border.
@Suite struct PreTokenizerTests {
    static let names = [
        "gpt-2", "smollm", "llama-bpe", "qwen2", "tekken", "gpt-4o", "qwen35", "seed-coder", "minicpm5",
        "deepseek-coder", "deepseek-llm", "deepseek-v3", "falcon", "poro-chat", "viking", "default",
    ]

    @Test func `every rule of the fixture is tested`() throws {
        let expected = try #require(try Fixture.json("pre-tokenizers.expected.json").objectValue)
        #expect(Set(expected.keys) == Set(PreTokenizerTests.names))
    }

    @Test(arguments: names) func `texts are cut as the reference cuts them`(name: String) throws {
        let expected = try Fixture.json("pre-tokenizers.expected.json").member(name)
        let model = try Fixture.json("uncut.tokenizer.json")
        let tokenizer = try Tokenizer(json: try model.with("pre_tokenizer", try expected.member("pre_tokenizer")))
        let ids = try #require(try expected.member("ids").arrayValue)
        for (text, ids) in zip(try Fixture.texts(), ids) {
            #expect(tokenizer.encode(text, addSpecialTokens: false) == (try ids.ids()), "\(text.debugDescription)")
        }
    }

    /// Pieces as the `tokenizers` package 0.23.3 gives them for `Split(Regex(…), "isolated")`.
    @Test(arguments: [
        (#"\s+$"#, "a  \n  b \n", ["a", "  ", "\n  b", " \n"]),
        (#"\s+$"#, "a  \r\n\n  b  \r", ["a", "  \r\n", "\n  b", "  \r"]),
        (#"\p{P}+"#, "a$+=~b!-", ["a$+=~b", "!-"]),
        (#"\s{3}"#, "a    b", ["a", "   ", " b"]),
        (#"[0-9][0-9]"#, "12345", ["12", "34", "5"]),
    ])
    func `runs of one set match as the reference does`(regex: String, text: String, expected: [String]) throws {
        let run = try #require(ScalarRun(regex: regex))
        let pieces = Array(text.utf8).withUnsafeBufferPointer { buffer in
            let matches = run.matches(in: buffer, classes: ScalarClasses())
            let stretches = SplitBehavior.stretches(matches: matches, count: buffer.count, inverted: false)
            return SplitBehavior.isolated.pieces(stretches).map { String(decoding: buffer[$0], as: UTF8.self) }
        }
        #expect(pieces == expected)
    }

    @Test(arguments: [
        "", "a+", "[a", "[]", "[^]", "[a-]+b", "[[a]b]+", "[a&&b]+", #"\d+"#, #"\p{Han}+"#, #"\p{N}*"#, #"\p{N}{0,2}"#,
        #"\p{N}{3,2}"#, #"\p{N}{,2}"#, #"(\p{N}+)"#, #"\p{N}+?"#, #"[0-9][a-z]"#, #"[z-a]"#, #"[\w]+"#, #"\s?"#, "^[a]",
    ])
    func `other expressions are not taken for a run`(regex: String) {
        #expect(ScalarRun(regex: regex) == nil)
        #expect(SplitPattern(regex: regex) == nil)
    }

    @Test func `blanks without an end of line take linear time`() throws {
        let run = try #require(ScalarRun(regex: #"\s+$"#))
        let text = [UInt8](repeating: 32, count: 1 << 20) + [120]
        let clock = ContinuousClock()
        let time = clock.measure {
            text.withUnsafeBufferPointer { #expect(run.matches(in: $0, classes: ScalarClasses()).isEmpty) }
        }
        #expect(time < .seconds(20))
    }
}
