import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import Randomness
import Recipes
import Testing
import Torch

@testable import Pruning

/// Random numbers that are the same in every run.
struct Draws {
    private var generator: SplitMix64

    init(_ seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// Uniform in [-1, 1).
    mutating func numbers(_ count: Int) -> [Float] {
        (0..<count).map { _ in Float(generator.next() >> 40) * 0x1p-23 - 1 }
    }
    mutating func tensor(_ shape: [Int]) -> Tensor { Tensor(numbers(shape.reduce(1, *)), shape: shape) }
}

/// ‖found − expected‖ / ‖expected‖.
func relativeError(_ found: [Float], _ expected: [Float]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let difference = zip(found, expected).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
    return (difference / max(expected.reduce(0.0) { $0 + Double($1) * Double($1) }, 1e-300)).squareRoot()
}

func goals(_ pattern: Pattern = .unstructured, without ignored: Set<LinearName> = []) -> Goals {
    var goals: Goals = [:]
    for name in LinearName.ofLlama where !ignored.contains(name) {
        goals[name] = Goal(pattern: pattern, sparsity: .half)
    }
    return goals
}

/// The stored tiny Llama (hidden 16, 2 blocks, 12 sequences of 20 tokens) and the oracle's numbers for it
/// (Interop/make_pruning_fixtures.py).
struct Tiny {
    let decoder: Decoder
    let tokens: [Int32]
    let samples = 12
    let length = 20

    static func path(_ name: String) throws -> String {
        try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/" + name).path
    }

    init() throws {
        decoder = try Decoder(Checkpoint.open(Tiny.path("tiny")))
        let bytes = try SafetensorsFile(Tiny.path("tokens.safetensors")).bytes("tokens")
        tokens = bytes.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
    }

    /// The embedded tokens.
    func stream() throws -> HiddenStream {
        let stream = try HiddenStream(samples: samples, tokens: length, hidden: 16)
        let x = try decoder.embedding().selected(Tensor(tokens.map(Int64.init)))
        try stream.write(x.reshaped([samples, length, 16]), at: 0)
        return stream
    }

    /// - Parameter dense: the dense model's own output as the target.
    func task(
        layer: Int = 0, goals: Goals, input: HiddenStream? = nil, dense: Bool = false, batch: Int = 4, seed: UInt64 = 7,
        compute: DType = .float32
    ) throws -> BlockTask {
        let input = try input ?? stream()
        let block = try decoder.block(layer)
        let rotary = decoder.rotary(positions: length)
        return BlockTask(
            block: block, goals: goals, rotary: rotary, input: input,
            denseOutput: dense ? try forward(block, input, rotary) : nil, compute: compute, batch: batch, device: .cpu,
            seed: seed)
    }

    func forward(_ block: Block, _ input: HiddenStream, _ rotary: RotaryTable) throws -> HiddenStream {
        let output = try HiddenStream(samples: input.samples, tokens: input.tokens, hidden: input.hidden)
        for range in input.batches(of: 5) {
            let x = try input.read(range)
            try output.write(Engine.withoutGradient { block(x, rotary: rotary) }, at: range.lowerBound)
        }
        return output
    }
}

/// The oracle's numbers.
struct Reference {
    private let file: SafetensorsFile
    let json: JSONObject

    init() throws {
        file = try SafetensorsFile(Tiny.path("reference.safetensors"))
        let text = try Data(contentsOf: URL(fileURLWithPath: Tiny.path("reference.json")))
        json = try #require(try JSONValue(parsing: [UInt8](text)).objectValue)
    }

    func floats(_ name: String) throws -> [Float] {
        try file.bytes(name).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    func rounds(_ key: String) throws -> [Double] {
        try #require(json["rounds"]?.objectValue?[key]?.arrayValue).compactMap(\.doubleValue)
    }
}

/// Exactly half of every linear with a goal is gone; one without is as it was.
func expectHalfRemoved(_ outcome: BlockOutcome, of task: BlockTask) {
    for name in LinearName.ofLlama {
        let (dense, found) = (task.block.weight(name).floats(), outcome.block.weight(name).floats())
        if task.goals[name] == nil {
            #expect(found == dense, "\(name)")
        } else {
            #expect(found.count { $0 == 0 } == dense.count / 2, "\(name)")
        }
    }
}

extension Block {
    /// Values of all weights by linear.
    var values: [LinearName: [Float]] {
        var values: [LinearName: [Float]] = [:]
        for name in LinearName.ofLlama { values[name] = weight(name).floats() }
        return values
    }
}

/// A random problem whose inputs are correlated, so that there is something to compensate.
struct CorrelatedProblem {
    let weight: Tensor
    let x: [Float]
    let rows: Int
    let columns: Int
    let samples = 3

    init(rows: Int, columns: Int, dead: Set<Int> = [], seed: UInt64 = 1) {
        var draws = Draws(seed)
        (self.rows, self.columns) = (rows, columns)
        weight = draws.tensor([rows, columns])
        let count = columns + 10
        var values: [Float] = []
        for _ in 0..<count {
            var previous: Float = 0
            for (column, fresh) in draws.numbers(columns).enumerated() {
                previous = 0.6 * previous + fresh
                values.append(dead.contains(column) ? 0 : previous)
            }
        }
        x = values
    }

    var gram: Tensor {
        let gram = Tensor.zeros([columns, columns])
        gram.addGram(Tensor(x, shape: [x.count / columns, columns]))
        return gram
    }

    /// Σ over tokens of ‖(W − Ŵ) x‖².
    func error(_ pruned: Tensor) -> Double {
        let outputs = Tensor(x, shape: [x.count / columns, columns]).linear(weight - pruned)
        return pow(outputs.norm().scalar, 2)
    }
}

extension LinearName {
    static let ofLlama: [LinearName] = [.q, .k, .v, .o, .gate, .up, .down]
}

extension ProjectionName {
    static let ofLlama: [ProjectionName] = [.qkv, .o, .gateUp, .down]
}
