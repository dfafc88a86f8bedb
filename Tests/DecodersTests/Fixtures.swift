import Checkpoints
import Decoders
import Foundation
import Testing
import Torch

/// Tiny models with random weights and the logits that transformers computed for them.
struct Fixture {
    static let names = [
        "llama", "llama3", "llama-linear", "llama-biases", "mistral", "qwen2", "qwen3", "gemma3", "gemma3-old",
    ]

    let decoder: Decoder
    let rows: Int
    let columns: Int
    let tokens: [Int32]
    /// [rows, columns, vocabulary]
    let logits: [Float]

    static func folder(_ name: String) throws -> String {
        try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/" + name).path
    }

    init(_ name: String) throws {
        decoder = try Decoder(try Checkpoint.open(try Fixture.folder(name)))
        let file = try SafetensorsFile(try Fixture.folder(name + ".expected.safetensors"))
        let shape = try #require(file.tensor("tokens")).shape
        (rows, columns) = (shape[0], shape[1])
        tokens = try file.bytes("tokens").withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
        logits = try file.bytes("logits").withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    /// All logits by one pass over the blocks.
    ///
    /// - Parameter model: in the decoder's place.
    func forward(_ model: Decoder? = nil) throws -> [Float] {
        let decoder = model ?? decoder
        let c = decoder.configuration
        return try Engine.withoutGradient {
            var x = try decoder.embedded(tokens).reshaped([rows, columns, c.hiddenSize])
            let rotary = decoder.rotary(positions: columns)
            for layer in 0..<c.layerCount { x = try decoder.block(layer)(x, rotary: rotary) }
            return try decoder.head(dtype: .float32)(x).floats()
        }
    }

    func expected(row: Int, position: Int) -> ArraySlice<Float> {
        let vocabulary = decoder.configuration.vocabularySize
        let start = (row * columns + position) * vocabulary
        return logits[start..<start + vocabulary]
    }
}

/// The largest difference, as a fraction of the largest magnitude.
func relativeError(_ found: some Collection<Float>, _ expected: some Collection<Float>) -> Float {
    guard found.count == expected.count else { return .infinity }
    let scale = expected.map(\.magnitude).max() ?? 0
    var worst: Float = 0
    for (a, b) in zip(found, expected) {
        guard (a - b).isFinite else { return .infinity }
        worst = max(worst, (a - b).magnitude)
    }
    return worst / scale
}

extension LinearName {
    static let ofLlama: [LinearName] = [.q, .k, .v, .o, .gate, .up, .down]
}
