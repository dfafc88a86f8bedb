import Faults
import JSONText
import Testing

@testable import Checkpoints

struct GGUFModelTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func sound(_ architecture: String = "llama", pre: String? = "gpt-2") -> GGUFBuilder {
        GGUFBuilder.sound(architecture, pre: pre)
    }

    private func open(_ builder: GGUFBuilder) throws -> Checkpoint {
        try Checkpoint.open(try folder.write("m.gguf", builder.file))
    }

    private func tokenizer(_ model: Checkpoint) throws -> JSONObject {
        let bytes = try #require(try model.tokenizerJSON())
        return try #require(try JSONValue(parsing: bytes).objectValue)
    }

    @Test func weightsAreThoseTheFileWasMadeFrom() throws {
        let model = try Checkpoint.open(try Fixture.path("tiny-llama.gguf"))
        let original = try SafetensorsFile(try Fixture.path("tiny-llama.safetensors"))
        #expect(Set(model.tensors.map(\.name)) == Set(original.tensors.map(\.name)))
        for tensor in original.tensors {
            #expect(model.tensor(tensor.name)?.shape == tensor.shape)
            #expect(try model.storedBytes(tensor.name) == original.bytes(tensor.name), "\(tensor.name)")
            #expect(try bytes(of: model.floats(tensor.name)) == original.bytes(tensor.name), "\(tensor.name)")
        }
        #expect(!model.isQuantised && model.weightType == .f32 && !model.tiesWordEmbeddings)
    }

    @Test func configurationIsSynthesised() throws {
        let configuration = try Checkpoint.open(try Fixture.path("tiny-llama.gguf")).configuration
        let expected = """
            {"architectures":["LlamaForCausalLM"],"model_type":"llama","attention_bias":false,"attention_dropout":0.0,\
            "mlp_bias":false,"hidden_act":"silu","hidden_size":32,"initializer_range":0.02,"intermediate_size":64,\
            "max_position_embeddings":128,"num_attention_heads":4,"num_hidden_layers":2,"num_key_value_heads":2,\
            "head_dim":8,"pretraining_tp":1,"rms_norm_eps":1e-06,"rope_scaling":{"factor":8.0,"low_freq_factor":1.0,\
            "high_freq_factor":4.0,"original_max_position_embeddings":8192,"rope_type":"llama3"},\
            "rope_theta":500000.0,"tie_word_embeddings":false,"torch_dtype":"float32","use_cache":true,\
            "vocab_size":274,"bos_token_id":1,"eos_token_id":2,"pad_token_id":null}
            """
        #expect(JSONValue.object(configuration).text(pretty: false) == expected)
    }

    @Test func sentencePieceTokenizerIsSynthesised() throws {
        let json = try tokenizer(try Checkpoint.open(try Fixture.path("tiny-llama.gguf")))
        let model = try #require(json["model"]?.objectValue)
        #expect(model["merges"] == (try JSONValue(parsing: try Fixture.bytes("tiny-llama.merges.json"))))
        #expect(model["vocab"]?.objectValue?.count == 274)
        #expect(model["unk_token"]?.stringValue == "<unk>" && model["byte_fallback"]?.boolValue == true)
        let normalizer = json["normalizer"]?.text(pretty: false)
        #expect(
            normalizer
                == #"{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}"#
        )
        let first = json["post_processor"]?.objectValue?["single"]?.arrayValue?.first?.text(pretty: false)
        #expect(first == #"{"SpecialToken":{"id":"<s>","type_id":0}}"#)
    }

    @Test func otherRotaryFactorsAreRefused() throws {
        var builder = sound()
        builder.tensor("rope_freqs.weight", [2])
        fault(.badData, "not those of Llama 3", "rope_freqs.weight") { try open(builder) }
    }

    @Test func tiedAndPaddedEmbeddingIsToldApart() throws {
        var builder = sound()
        #expect(try open(builder).tiesWordEmbeddings)
        builder.tensor("output.weight", [4, 8])
        #expect(try !open(builder).tiesWordEmbeddings)
    }

    @Test(arguments: [
        ("qwen2", "Qwen2ForCausalLM", false), ("qwen3", "Qwen3ForCausalLM", false), ("llama", "LlamaForCausalLM", true),
    ])
    func onlyLlamaRowsAreReordered(architecture: String, name: String, reordered: Bool) throws {
        let model = try open(sound(architecture))
        #expect(model.configuration["architectures"]?.arrayValue?.first?.stringValue == name)
        let rows = stride(from: 0, to: 64, by: 8).map { Float($0) }
        let firsts = try stride(from: 0, to: 64, by: 8).map {
            try model.floats("model.layers.0.self_attn.q_proj.weight")[$0]
        }
        #expect(firsts == (reordered ? [0, 16, 8, 24, 32, 48, 40, 56] : rows))
    }

    @Test func otherArchitecturesAreRefusedByName() {
        fault(.badData, "'gemma2' is not supported", "llama, deci, qwen2, qwen3, gemma3") { try open(sound("gemma2")) }
    }

    @Test func mixturesAndUnevenSizesAreRefused() {
        var mixture = sound()
        mixture.set("llama.expert_count", UInt32(8))
        fault(.badData, "mixtures of experts") { try open(mixture) }
        var uneven = GGUFBuilder()
        uneven.set("general.architecture", "llama")
        uneven.set("llama.block_count", [1, 2])
        uneven.tensor("token_embd.weight", [4, 8])
        fault(.badData, "differs from layer to layer", "llama.block_count") { try open(uneven) }
    }

    /// Deci's layers of three kinds: whole, without MLP, without attention.
    private func deci(heads: [Int32] = [2, 1, 0], groups: [Int32] = [1, 1, 0], widths: [Int32] = [6, 0, 3])
        -> GGUFBuilder
    {
        var builder = GGUFBuilder()
        builder.set("general.architecture", "deci")
        builder.set("deci.block_count", UInt32(3))
        builder.set("deci.context_length", UInt32(64))
        builder.set("deci.embedding_length", UInt32(8))
        builder.set("deci.feed_forward_length", widths)
        builder.set("deci.attention.head_count", heads)
        builder.set("deci.attention.head_count_kv", groups)
        builder.set("deci.attention.key_length", UInt32(4))
        builder.set("deci.attention.layer_norm_rms_epsilon", Float(1e-5))
        builder.tensor("token_embd.weight", [4, 8])
        builder.tensor("output_norm.weight", [8])
        for (block, (heads, width)) in [(2, 6), (1, 0), (0, 3)].enumerated() {
            if heads > 0 {
                builder.tensor("blk.\(block).attn_norm.weight", [8])
                builder.tensor("blk.\(block).attn_q.weight", [4 * heads, 8])
                for name in ["k", "v"] { builder.tensor("blk.\(block).attn_\(name).weight", [4, 8]) }
                builder.tensor("blk.\(block).attn_output.weight", [8, 4 * heads])
            }
            if width > 0 {
                builder.tensor("blk.\(block).ffn_norm.weight", [8])
                for name in ["gate", "up"] { builder.tensor("blk.\(block).ffn_\(name).weight", [width, 8]) }
                builder.tensor("blk.\(block).ffn_down.weight", [8, width])
            }
        }
        return builder
    }

    @Test func layersThatDifferAreReadAsDeci() throws {
        let model = try open(deci())
        #expect(model.configuration["model_type"]?.stringValue == "espalier")
        let layers = model.configuration["espalier"]?.objectValue?["layers"]?.arrayValue ?? []
        #expect(layers.map { $0.objectValue?["num_attention_heads"]?.integerValue } == [2, 1, 0])
        #expect(layers.map { $0.objectValue?["intermediate_size"]?.integerValue } == [6, 0, 3])
        // Two heads of four rows are put back in order, one head too.
        #expect(model.tensor("model.layers.1.self_attn.q_proj.weight")?.shape == [4, 8])
        let first = try model.floats("model.layers.1.self_attn.q_proj.weight")
        #expect(stride(from: 0, to: 32, by: 8).map { first[$0] } == [0, 16, 8, 24])
        #expect(model.tensor("model.layers.2.self_attn.q_proj.weight") == nil)
    }

    @Test func impossibleDeciIsRefused() {
        fault(.badData, "impossible", "deci.attention.head_count", "2 numbers") { try open(deci(heads: [2, 1])) }
        fault(.badData, "impossible", "deci.feed_forward_length", "-1") { try open(deci(widths: [6, -1, 3])) }
        fault(.badData, "replaced by a linear layer") { try open(deci(heads: [2, 1, 2])) }
        fault(.badData, "cannot be divided") { try open(deci(groups: [3, 1, 0])) }
        fault(.badData, "no layer has attention") { try open(deci(heads: [0, 0, 0], groups: [0, 0, 0])) }
        fault(.badData, "lacks a tensor", "blk.1.ffn_norm.weight") { try open(deci(widths: [6, 6, 3])) }
    }

    @Test func missingKeyAndZeroSizeAreRefused() {
        var builder = GGUFBuilder()
        builder.set("general.architecture", "llama")
        builder.tensor("token_embd.weight", [4, 8])
        fault(.badData, "lacks a key", "llama.block_count") { try open(builder) }
        builder.set("llama.block_count", UInt32(0))
        fault(.badData, "impossible", "llama.block_count") { try open(builder) }
    }

    @Test(arguments: ["blk.1.attn_q.weight", "blk.0.ffn_gate_exps.weight", "strange", "blk.00.attn_q.weight"])
    func unknownTensorsAreRefused(name: String) {
        var builder = sound()
        builder.tensor(name, [8])
        fault(.badData, "does not know", name) { try open(builder) }
    }

    @Test(arguments: ["gpt-2", "smollm", "llama-bpe", "qwen2", "default"])
    func knownPreTokenizersAreWritten(pre: String) throws {
        var builder = sound(pre: pre)
        builder.set("tokenizer.ggml.bos_token_id", UInt32(3))
        let model = try open(builder)
        let json = try tokenizer(model)
        let text = JSONValue.object(json).text(pretty: false)
        #expect(text.contains(#""merges":[["a","b"]]"#))
        #expect(text.contains(#""Digits""#) == (pre == "smollm"))
        #expect(text.contains(#"\\p{N}{1,3}|"#) == (pre == "llama-bpe"))
        #expect(text.contains(#""NFC""#) == (pre == "qwen2"))
        #expect(text.contains(#""TemplateProcessing""#) == (pre == "llama-bpe"))
        #expect(json["added_tokens"]?.arrayValue?.count == 1)
        #expect(model.warnings.count == (pre == "default" ? 1 : 0))
    }

    @Test func unknownPreTokenizerAndModelAreRefusedByName() {
        fault(.badData, "pre-tokenizer 'kimi-k2' is not supported", "smollm") { try open(sound(pre: "kimi-k2")) }
        var builder = GGUFBuilder()
        builder.set("tokenizer.ggml.model", "bert")
        fault(.badData, "tokenizer model 'bert' is not supported") {
            let path = try folder.write("t.gguf", builder.file)
            return try GGUFTokenizer(try GGUFFile(path).metadata)
        }
    }

    @Test func sideFilesAreThoseOfAFolder() throws {
        var builder = sound()
        builder.set("tokenizer.chat_template", "{{ messages }}")
        let model = try open(builder)
        #expect(
            model.sideFiles.map(\.name) == [
                "generation_config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json",
            ])
        let settings = try JSONValue(parsing: try model.sideFiles[3].bytes()).objectValue
        #expect(settings?["tokenizer_class"]?.stringValue == "PreTrainedTokenizerFast")
        #expect(settings?["chat_template"]?.stringValue == "{{ messages }}")
        #expect(settings?["eos_token"]?.stringValue == "<end>")
        #expect(settings?["model_max_length"]?.integerValue == 16)
    }

    @Test func vocabularyLargerThanTheEmbeddingIsRefused() throws {
        var builder = GGUFBuilder()
        builder.pairs = sound().pairs
        builder.soundTensors("llama", rows: 3)
        fault(.badData, "vocabulary is larger", "3 rows") { try open(builder) }
        builder.tensors = []
        builder.data = []
        builder.soundTensors("llama", rows: 5)
        #expect(try open(builder).warnings.contains { $0.contains("5 rows for 4 tokens") })
    }

    /// Damaged files may be refused or, where the damage means nothing, opened; they never trap.
    @Test func randomDamageNeverTraps() throws {
        let whole = sound().file
        var state: UInt64 = 1
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF]
        var opened = 0
        for _ in 0..<300 {
            var bytes = whole
            for _ in 0...random(3) {
                let place = random(bytes.count)
                let length = [1, 1, 4, 8][random(4)]
                let value = extremes[random(extremes.count)]
                for index in place..<min(place + length, bytes.count) {
                    bytes[index] = random(4) == 0 ? UInt8(random(256)) : value
                }
            }
            if random(8) == 0 { bytes.removeLast(random(bytes.count)) }
            let path = try folder.write("damaged.gguf", bytes)
            do throws(Fault) {
                let model = try Checkpoint.open(path)
                for tensor in model.tensors { _ = try model.floats(tensor.name) }
                opened += 1
            } catch { #expect(error.kind == .badData) }
        }
        #expect(opened > 0 && opened < 300)
    }

    @Test("licence and origin of the metadata make the head of a card; without them there is none")
    func card() throws {
        #expect(try open(sound()).card == nil)
        var builder = sound()
        builder.set("general.license", "apache-2.0")
        builder.set("general.languages", ["en"])
        let card = String(decoding: try #require(try open(builder).card).bytes(), as: UTF8.self)
        #expect(card.hasPrefix("---\n") && card.hasSuffix("\n---\n"))
        let head = try JSONValue(parsing: String(card.dropFirst(4).dropLast(5))).objectValue
        #expect(head?["license"] == .string("apache-2.0") && head?["language"] == .array([.string("en")]))
    }
}
