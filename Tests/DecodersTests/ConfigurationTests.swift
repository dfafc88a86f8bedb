import Checkpoints
import Decoders
import Faults
import JSONText
import TestSupport
import Testing

struct ConfigurationTests {
    private func fault(_ edits: [(String, JSONValue?)]) throws -> Fault? {
        let text = """
            {"model_type": "llama", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "intermediate_size": 40, "vocab_size": 64}
            """
        var json = try #require(try JSONValue(parsing: text).objectValue)
        for (key, value) in edits { json[key] = value }
        do throws(Fault) {
            _ = try DecoderConfiguration(json, file: "config.json")
            return nil
        } catch { return error }
    }

    @Test func aSoundConfigurationIsRead() throws {
        #expect(try fault([]) == nil)
    }

    @Test func anUnknownFamilyIsRefusedWithTheNearestName() throws {
        let found = try #require(try fault([("model_type", .string("qwen2_moe"))]))
        #expect(found.kind == .badData && found.file == "config.json")
        #expect(found.expected?.contains("llama, mistral, qwen2, qwen3") == true)
        #expect(found.advice?.contains("nearest name: qwen2") == true)
        #expect(try fault([("model_type", nil)])?.place == "key 'model_type'")
        #expect(try fault([("model_type", .integer(3))])?.found == "the number 3")
    }

    @Test(arguments: [
        ("num_key_value_heads", "3"), ("num_key_value_heads", "0"), ("hidden_size", "0"), ("hidden_size", "-32"),
        ("hidden_size", "30"), ("hidden_size", "1e3"), ("hidden_size", "99999999999999999999"),
        ("num_hidden_layers", "0"), ("num_attention_heads", "-4"), ("intermediate_size", "0"), ("vocab_size", "0"),
        ("head_dim", "0"), ("head_dim", "7"), ("rms_norm_eps", "-1"), ("rms_norm_eps", "2"), ("rope_theta", "0"),
        ("max_position_embeddings", "0"), ("partial_rotary_factor", "0.5"),
    ])
    func impossibleSizesAreRefusedByKey(_ key: String, _ value: String) throws {
        let found = try #require(try fault([(key, .number(value))]))
        #expect(found.kind == .badData)
        #expect(found.place == "key '\(key)'")
        #expect(found.found?.isEmpty == false && found.expected?.isEmpty == false)
    }

    @Test func anotherActivationIsRefused() throws {
        #expect(try fault([("hidden_act", .string("gelu"))])?.expected == "silu")
    }

    @Test(arguments: [
        (#"{"rope_type": "yarn", "factor": 4.0}"#, "rope_scaling.rope_type"),
        (#"{"type": "linear"}"#, "rope_scaling.factor"),
        (#"{"rope_type": "linear", "factor": 0.5}"#, "rope_scaling.factor"), (#""linear""#, "rope_scaling"),
        (#"{"rope_type": "llama3", "factor": 8.0}"#, "rope_scaling.low_freq_factor"),
        (
            #"{"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1, "original_max_position_embeddings": 16}"#,
            "rope_scaling.high_freq_factor"
        ),
    ])
    func ropeScalingThatIsNotUnderstoodIsRefused(_ json: String, _ key: String) throws {
        let found = try #require(try fault([("rope_scaling", try JSONValue(parsing: json))]))
        #expect(found.kind == .badData)
        #expect(found.place == "key '\(key)'")
    }

    @Test func aHeadDimensionOfItsOwnIsSupported() throws {
        #expect(try fault([("head_dim", .integer(12))]) == nil)
        #expect(try fault([("hidden_size", .integer(36)), ("head_dim", .integer(8))]) == nil)
    }

    // MARK: Configuration and weights

    private func openingFault(_ change: (inout TinyModel) -> Void) throws -> Fault? {
        let folder = try TemporaryFolder()
        var model = TinyModel()
        change(&model)
        try model.write(to: folder)
        do throws(Fault) {
            _ = try Decoder(try Checkpoint.open(folder.path))
            return nil
        } catch { return error }
    }

    @Test func weightsOfAnotherShapeAreRefusedWithBothShapes() throws {
        let found = try #require(try openingFault { $0.configuration = [("intermediate_size", .integer(32))] })
        #expect(found.kind == .badData)
        #expect(found.place == "tensor 'model.layers.0.mlp.gate_proj.weight'")
        #expect(found.found == "shape [24, 16]" && found.expected == "shape [32, 16]")
    }

    @Test func missingWeightsAreRefusedByName() throws {
        let layers = try #require(try openingFault { $0.configuration = [("num_hidden_layers", .integer(3))] })
        #expect(layers.kind == .badData && layers.place?.contains("model.layers.2.") == true)
        let bias = try #require(try openingFault { $0.configuration = [("attention_bias", .bool(true))] })
        #expect(bias.place == "tensor 'model.layers.0.self_attn.q_proj.bias'")
    }

    @Test func weightsThatTheModelDoesNotUseAreAccepted() throws {
        #expect(try openingFault { $0.extra = [("model.layers.0.rotary_emb.inv_freq", [2])] } == nil)
    }

    @Test(arguments: ["{\"model_type\": \"llama\",}", "{\"model_type\": NaN}", "[]", ""])
    func aConfigurationThatIsNotJSONIsRefused(_ text: String) throws {
        let folder = try TemporaryFolder()
        try TinyModel().write(to: folder)
        try folder.write("config.json", text)
        #expect(throws: Fault.self) { try Checkpoint.open(folder.path) }
    }

    @Test func oneBlockAndOneTokenOfVocabularyWork() throws {
        #expect(
            try openingFault {
                $0.layers = 1
                $0.vocabulary = 1
            } == nil)
    }
}
