import Checkpoints
import Decoders
import Faults
import Foundation
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
        ("max_position_embeddings", "0"), ("partial_rotary_factor", "0.5"), ("hidden_size", "2147483644"),
        ("intermediate_size", "2147483647"), ("num_hidden_layers", "2147483647"), ("num_attention_heads", "2147483644"),
        ("head_dim", "1048576"), ("vocab_size", "2147483648"),
        ("rope_theta", "NaN"), ("rms_norm_eps", "Infinity"), ("hidden_size", "NaN"), ("logits_scaling", "NaN"),
    ])
    func impossibleSizesAreRefusedByKey(_ key: String, _ value: String) throws {
        let found = try #require(try fault([(key, .number(value))]))
        #expect(found.kind == .badData)
        #expect(found.place == "key '\(key)'")
        #expect(found.found?.isEmpty == false && found.expected?.isEmpty == false)
    }

    private func compact(_ layers: String, version: Int = 1, base: String = "llama") throws -> JSONValue {
        try JSONValue(parsing: #"{"version": \#(version), "base_model_type": "\#(base)", "layers": \#(layers)}"#)
    }
    private static let full = #"{"num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 40}"#
    private static let half = #"{"num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 24}"#
    private static let none = #"{"num_attention_heads": 0, "num_key_value_heads": 0, "intermediate_size": 0}"#

    @Test func layersOfACompactModelHaveTheirOwnShapes() throws {
        let text = """
            {"model_type": "espalier", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "intermediate_size": 40, "vocab_size": 64}
            """
        var json = try #require(try JSONValue(parsing: text).objectValue)
        json["espalier"] = try compact("[\(Self.half), \(Self.none)]")
        let c = try DecoderConfiguration(json, file: "config.json")
        #expect(c.family == .llama && !c.isUniform && c.headDimension == 8)
        #expect(c.shape(of: .o, layer: 0) == (32, 16) && c.shape(of: .k, layer: 0) == (8, 32))
        #expect(c.shape(of: .down, layer: 0) == (32, 24) && c.weightCount(layer: 1) == 0)
        #expect(!c.has(.q, layer: 1) && !c.has(.up, layer: 1) && c.has(.up, layer: 0))
        // What it writes is what it reads, and the source's own keys stay.
        let source = try #require(try JSONValue(parsing: text).objectValue)
        var plain = source
        plain["model_type"] = .string("llama")
        let written = CompactConfiguration.configuration(plain, layers: c.layers)
        #expect(try DecoderConfiguration(written, file: "config.json") == c)
        #expect(written["intermediate_size"]?.integerValue == 40)
        #expect(CompactConfiguration.configuration(written, layers: c.layers) == written)
    }

    @Test func aWrongCompactConfigurationIsRefusedByKey() throws {
        let (full, half) = (Self.full, Self.half)
        for (value, place) in [
            (nil, "espalier"), (JSONValue.integer(1), "espalier"),
            (try compact("[\(full), \(half)]", version: 2), "espalier.version"),
            (try compact("[\(full), \(half)]", base: "gpt2"), "espalier.base_model_type"),
            (try compact("[\(full), \(half)]", base: "espalier"), "espalier.base_model_type"),
            (try compact("[\(full)]"), "num_hidden_layers"), (try compact("[\(full), 1]"), "espalier.layers"),
            (try compact("{}"), "espalier.layers"),
            (
                try compact("[\(full), \(full.replacing("40", with: "-1"))]"),
                "espalier.layers[1].intermediate_size"
            ),
            (
                try compact("[\(full), \(full.replacing("_heads\": 2", with: "_heads\": 3"))]"),
                "espalier.layers[1].num_key_value_heads"
            ),
            (
                try compact("[\(full), \(full.replacing("_heads\": 2", with: "_heads\": 0"))]"),
                "espalier.layers[1].num_key_value_heads"
            ),
        ] {
            let found = try #require(try fault([("model_type", .string("espalier")), ("espalier", value)]))
            #expect(found.kind == .badData && found.place == "key '\(place)'")
        }
    }

    @Test func anotherActivationIsRefused() throws {
        #expect(try fault([("hidden_act", .string("gelu"))])?.expected == "silu")
    }

    @Test(arguments: [
        (#"{"rope_type": "longrope", "factor": 4.0}"#, "rope_scaling.rope_type"),
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

    // MARK: A configuration alone

    private func describesItsTensors(_ model: String) throws {
        let real = try Decoder(try Checkpoint.open(model))
        let folder = try TemporaryFolder()
        try folder.write("config.json", try String(contentsOfFile: model + "/config.json", encoding: .utf8))
        let described = try Decoder(try Checkpoint.openOrDescribe(folder.path)).checkpoint
        func table(_ checkpoint: Checkpoint) -> [String: [Int]] {
            Dictionary(checkpoint.tensors.map { ($0.name, $0.shape) }) { first, _ in first }
        }
        #expect(!described.hasWeights && described.tensors.count == real.checkpoint.tensors.count)
        #expect(table(described) == table(real.checkpoint))
        #expect(throws: Fault.self) { try Decoder(described).block(0) }
        // With weights they are what is opened.
        #expect(try Checkpoint.openOrDescribe(model).hasWeights)
    }

    @Test(arguments: Fixture.names) func aConfigurationAloneDescribesTheTensorsOfItsFamily(_ name: String) throws {
        try describesItsTensors(try Fixture.folder(name))
    }

    @Test(.enabled(if: TestData.path("models/stories260K") != nil, "needs ESPALIER_TEST_DATA"))
    func aConfigurationAloneDescribesARealModel() throws {
        try describesItsTensors(try #require(TestData.path("models/stories260K/hf")))
    }

    @Test func aLargeModelIsDescribedByItsConfiguration() throws {
        let folder = try TemporaryFolder()
        try folder.write("config.json", LargeModel.configuration)
        let model = try Checkpoint.openOrDescribe(folder.path)
        #expect(model.parameterCount == LargeModel.parameters)
        #expect(model.tensors.reduce(0) { $0 + $1.byteCount } == 2 * LargeModel.parameters)
        #expect(model.tensors.count == 723 && model.weightType == .bf16)
        try folder.write("config.json", #"{"model_type": "llama", "hidden_size": 8192}"#)
        let found = #expect(throws: Fault.self) { try Checkpoint.openOrDescribe(folder.path) }
        #expect(found?.kind == .badData && found?.place == "key 'num_hidden_layers'")
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
