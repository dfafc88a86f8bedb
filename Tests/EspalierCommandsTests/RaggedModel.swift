import Checkpoints
import Decoders
import JSONText
import Randomness
import TestSupport
import Torch

@testable import EspalierKit

/// A folder with a model whose layers differ, of random weights, and what it predicts.
struct RaggedModel {
    /// Heads, key-value heads and width of every layer.
    typealias Shape = (Int, Int, Int)

    /// A layer with neither half, one without attention, one without MLP, one with one key-value head, query heads
    /// that differ from layer to layer.
    static let shapes: [Shape] = [(0, 0, 0), (0, 0, 12), (4, 2, 0), (2, 1, 24), (4, 2, 24), (2, 2, 7), (1, 1, 20)]

    var shapes = RaggedModel.shapes
    var tied = true
    var headDimension = 4
    /// Keys of config.json beside those of the tiny Llama.
    var keys: [(String, JSONValue)] = []
    var type = StoredType.f32

    /// 4 query heads, 2 key-value heads, hidden 16, width 24 before anything was removed.
    func write() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        var json = JSONObject()
        for (key, value): (String, JSONValue) in [
            ("model_type", .string("llama")), ("hidden_size", .integer(16)), ("intermediate_size", .integer(24)),
            ("num_hidden_layers", .integer(shapes.count)), ("num_attention_heads", .integer(4)),
            ("num_key_value_heads", .integer(2)), ("head_dim", .integer(headDimension)),
            ("vocab_size", .integer(258)), ("max_position_embeddings", .integer(64)),
            ("rms_norm_eps", .double(1e-5)), ("rope_theta", .double(5000)), ("tie_word_embeddings", .bool(tied)),
        ] + keys { json[key] = value }
        json = CompactConfiguration.configuration(
            json,
            layers: shapes.map { LayerShape(headCount: $0.0, keyValueHeadCount: $0.1, intermediateSize: $0.2) })
        try folder.write("config.json", JSONValue.object(json).text())
        try folder.write("tokenizer.json", TinyModel.tokenizer.text())
        try folder.write("generation_config.json", "{}")
        try folder.write("LICENSE", "a licence")
        try folder.write("README.md", "---\nlicense: apache-2.0\nbase_model: Owner/Name\n---\n")
        let configuration = try DecoderConfiguration(json, file: "config.json")
        let tensors = Decoder.expectedTensors(configuration)
        let writer = try SafetensorsWriter(
            folder.path("model.safetensors"),
            tensors.map { TensorDescription(name: $0.name, shape: $0.shape, type: type) })
        for tensor in writer.order {
            var generator = SplitMix64(seed: tensor.name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
            let values = (0..<tensor.count).map { _ in
                let uniform = Float(generator.next() >> 40) * 0x1p-24
                return tensor.name.contains("norm") ? 0.5 + uniform : (uniform - 0.5) * 1.2
            }
            try writer.write(tensor.name, FloatConversion.narrow(values, to: type)?.bytes ?? [])
        }
        _ = try writer.finish()
        return folder
    }

    /// What follows some tokens, [vocabulary].
    static func logits(_ model: String) throws -> [Float] {
        Engine.setThreads(1)
        let decoder = try LoadedDecoder(try OpenedModel(model).decoder, dtype: .float32, capacity: 16)
        return try decoder.logits([84, 104, 101, 32, 113, 117, 105, 99, 107], cache: decoder.makeCache()).floats()
    }

    /// The largest difference of what two models predict.
    static func difference(_ a: String, _ b: String) throws -> Float {
        let (first, second) = (try logits(a), try logits(b))
        return first.count == second.count ? zip(first, second).map { abs($0 - $1) }.max() ?? .infinity : .infinity
    }
}
