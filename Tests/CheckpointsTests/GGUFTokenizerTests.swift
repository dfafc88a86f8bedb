import Faults
import JSONText
import Testing

@testable import Checkpoints

/// Names of pre-tokenizers, and tokens that end turns.
struct GGUFTokenizerTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func open(_ builder: GGUFBuilder) throws -> Checkpoint {
        try Checkpoint.open(try folder.write("m.gguf", builder.file))
    }

    private func file(_ name: String, of model: Checkpoint) throws -> JSONObject {
        let file = try #require(model.sideFiles.first { $0.name == name })
        return try #require(try JSONValue(parsing: try file.bytes()).objectValue)
    }

    // MARK: Pre-tokenizers

    /// Interop/make_pre_tokenizer_fixtures.py holds the same rules against the `tokenizers` package.
    @Test func everyNameGivesTheRuleOfTheReference() throws {
        let expected = try #require(
            try JSONValue(parsing: try Fixture.bytes("pre-tokenizers.json")).objectValue)
        #expect(Set(expected.keys) == Set(GGUFPreTokenizer.names))
        #expect(expected.keys.count == GGUFPreTokenizer.names.count)
        for name in GGUFPreTokenizer.names {
            var builder = GGUFBuilder.sound(pre: name)
            builder.set("tokenizer.ggml.bos_token_id", UInt32(3))
            let json = try file("tokenizer.json", of: try open(builder))
            #expect(json["pre_tokenizer"] == expected[name], "\(name)")
        }
    }

    @Test(arguments: [
        ("llama-bpe", false, true, true), ("falcon3", false, true, true), ("tekken", false, true, true),
        ("dbrx", false, false, false), ("qwen2", true, false, false), ("deepseek-r1-qwen", true, false, false),
        ("deepseek-coder", false, false, false), ("minicpm5", false, true, false),
    ])
    func whatElseANameImpliesIsThere(name: String, composes: Bool, ignores: Bool, begins: Bool) throws {
        var builder = GGUFBuilder.sound(pre: name)
        builder.set("tokenizer.ggml.bos_token_id", UInt32(3))
        let json = try file("tokenizer.json", of: try open(builder))
        #expect(json["normalizer"]?.isNull == !composes)
        #expect(json["model"]?.objectValue?["ignore_merges"] == .bool(ignores))
        #expect(json["post_processor"]?.text().contains("TemplateProcessing") == begins)
    }

    @Test func withoutANameTheFormatsDefaultIsUsedAndTold() throws {
        let absent = try open(GGUFBuilder.sound(pre: nil))
        let named = try open(GGUFBuilder.sound(pre: "default"))
        #expect(
            try file("tokenizer.json", of: absent)["pre_tokenizer"]
                == file("tokenizer.json", of: named)["pre_tokenizer"])
        for model in [absent, named] {
            #expect(model.warnings.count == 1 && model.warnings[0].contains("does not say how text is split"))
        }
    }

    // MARK: Ends of turns

    private func ends(
        _ tokens: [String], _ kinds: [Int32], _ keys: [(String, UInt32)], _ published: String
    ) throws {
        var builder = GGUFBuilder()
        builder.pairs = GGUFBuilder.sound().pairs.filter { pair in
            !["tokens", "token_type", "merges", "eos_token_id"].contains {
                pair.starts(with: GGUFBuilder.string("tokenizer.ggml.\($0)"))
            }
        }
        builder.set("tokenizer.ggml.tokens", tokens)
        builder.set("tokenizer.ggml.token_type", kinds)
        builder.set("tokenizer.ggml.merges", [String]())
        for (key, value) in keys { builder.set("tokenizer.ggml.\(key)_token_id", value) }
        builder.soundTensors(rows: tokens.count)
        let generation = try file("generation_config.json", of: try open(builder))
        #expect(generation["eos_token_id"]?.text(pretty: false) == published)
    }

    @Test func everyKeyThatNamesAnEndCounts() throws {
        try ends(["a", "b", "c", "d"], [1, 1, 1, 1], [("eos", 2)], "2")
        try ends(["a", "b", "c", "d"], [1, 1, 1, 1], [("eos", 2), ("eot", 3), ("eom", 0)], "[2,3,0]")
        try ends(["a", "b", "c", "d"], [1, 1, 1, 1], [("eos", 2), ("eot", 2)], "2")
        try ends(["a", "b", "c", "d"], [1, 1, 1, 1], [("eot", 1)], "1")
        try ends(["a", "b", "c", "d"], [1, 1, 1, 1], [], "null")
    }

    @Test func endsAreKnownByTheirTextWhereTheyAreMarked() throws {
        try ends(["<|endoftext|>", "<|im_end|>", "a", "<|eot_id|>"], [3, 3, 1, 4], [("eos", 1)], "[1,0,3]")
        // An ordinary token of the same letters ends nothing, nor does what pads code.
        try ends(["</s>", "<|im_end|>", "<|fim_pad|>", "a"], [1, 3, 3, 1], [], "1")
        try ends(["<|end|>", "<|return|>", "<|call|>", "a"], [3, 3, 3, 1], [("eos", 1)], "[1,2]")
        try ends(["<|end|>", "<|user|>", "a", "b"], [3, 3, 1, 1], [], "0")
    }

    @Test func whatIsLeftOutIsTold() throws {
        var builder = GGUFBuilder.sound()
        builder.set("tokenizer.ggml.padding_token_id", UInt32(4))
        builder.set("tokenizer.chat_template", "{{ messages }}")
        builder.set("tokenizer.chat_template.tool_use", "{{ tools }}")
        let model = try open(builder)
        #expect(model.warnings.count == 2)
        #expect(model.warnings.contains { $0.contains("padding_token_id is 4") })
        #expect(model.warnings.contains { $0.contains("not copied: tool_use") })
        #expect(model.configuration["pad_token_id"]?.isNull == true)
        #expect(try file("tokenizer_config.json", of: model)["pad_token"] == nil)
    }

    @Test func anEndBeyondTheVocabularyIsRefused() {
        fault(.badData, "special token is not in the vocabulary", "tokenizer.ggml.eot_token_id") {
            var builder = GGUFBuilder.sound()
            builder.set("tokenizer.ggml.eot_token_id", UInt32(4))
            return try open(builder)
        }
    }

    /// Writers that know no such token put -1, as 32 bits without a sign.
    @Test(arguments: ["bos", "eot", "eom", "unknown", "padding"])
    func anIdOfMinusOneMeansThatThereIsNone(_ name: String) throws {
        var builder = GGUFBuilder.sound()
        builder.set("tokenizer.ggml.\(name)_token_id", UInt32.max)
        let model = try open(builder)
        for key in ["bos_token_id", "eos_token_id", "pad_token_id"] {
            #expect((model.configuration[key]?.integerValue ?? 0) < 4)
        }
        #expect(!model.warnings.contains { $0.contains("padding_token_id") })
    }
}
