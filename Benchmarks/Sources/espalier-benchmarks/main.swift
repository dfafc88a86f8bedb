// What the machine can do and how much of it a block uses, in one run and as ratios.
//
//   swift run -c release espalier-benchmarks [--threads n] [--tokens n] [--peak | --check]
//
// --peak measures the machine alone. --check ends with 1 when a share of the peak is below its threshold; the thresholds
// are shares, so that they hold on any machine that is quiet.
//
// Operations are the matrix products' multiply-adds times two; attention is counted over the positions that a query
// may see. Norms, softmax, rotations and gates take time and count as nothing.
import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import Torch

var threads = 2
var tokens = 512
var measuresBlock = true
var checks = false
var arguments = CommandLine.arguments.dropFirst()
while let word = arguments.popFirst() {
    func number() -> Int {
        guard let value = arguments.popFirst().flatMap({ Int($0) }), value > 0 else {
            fatalError("\(word) needs a number above 0")
        }
        return value
    }
    switch word {
    case "--threads": threads = number()
    case "--tokens": tokens = number()
    case "--peak": measuresBlock = false
    case "--check": checks = true
    default: fatalError("usage: [--threads n] [--tokens n] [--peak | --check]")
    }
}
try Engine.checkVersion()
Engine.setThreads(threads)

/// The best of several runs, in seconds.
func best(runs: Int = 7, _ body: () -> Void) -> Double {
    body()
    return (0..<runs).map { _ in ContinuousClock().measure(body) / .seconds(1) }.min() ?? 0
}

func random(_ shape: [Int], scale: Float = 1) -> Tensor {
    var state: UInt64 = 88_172_645_463_325_252
    return Tensor(
        (0..<shape.reduce(1, *)).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return scale * Float(Int32(truncatingIfNeeded: state)) / 2_147_483_648
        }, shape: shape)
}

/// SmolLM2-135M's block.
let configuration = try DecoderConfiguration(
    try JSONValue(
        parsing: """
            {"model_type": "llama", "hidden_size": 576, "num_hidden_layers": 1, "num_attention_heads": 9,
             "num_key_value_heads": 3, "intermediate_size": 1536, "vocab_size": 49152,
             "max_position_embeddings": 8192, "rope_theta": 100000, "rms_norm_eps": 1e-5}
            """
    ).objectValue ?? JSONObject(), file: "benchmark")

func projection(_ name: ProjectionName) -> Projection {
    let shapes = name.linears.map { ($0, configuration.shape(of: $0, layer: 0)) }
    return Projection(
        weight: random([shapes.reduce(0) { $0 + $1.1.out }, shapes[0].1.in], scale: 0.1), bias: nil,
        parts: shapes.map { (name: $0.0, rows: $0.1.out) })
}
let blueprint = configuration.blueprint.layers[0]
let block = Block(
    blueprint, norms: [.attentionInput: Tensor.full([576], 1), .feedForwardInput: Tensor.full([576], 1)],
    projections: Dictionary(uniqueKeysWithValues: blueprint.projections.map { ($0, projection($0)) }),
    geometry: .init(layer: 0, headCount: 9, keyValueHeadCount: 3, headDimension: 64, normEpsilon: 1e-5))
let rotary = RotaryTable([blueprint.attention.rotary], headDimension: 64, positions: tokens)

/// The least share of the measured peak, by the row's name without its batch and the type of the products.
let thresholds: [String: [DType: Double]] = [
    "forward": [.float32: 0.55, .bfloat16: 0.45],
    "forward + backward": [.float32: 0.55, .bfloat16: 0.45],
]
var failures: [String] = []

@MainActor func row(_ name: String, _ seconds: Double, operations: Double, peak: Double, dtype: DType) {
    let rate = operations / seconds / 1e9
    let columns = [
        name.padding(to: 34), "\(Int(seconds * 1e6)) us".padding(to: 12), "\(Int(rate)) GFLOP/s".padding(to: 14),
        "\(Int((rate / peak * 100).rounded())) % of peak",
    ]
    print(columns.joined(separator: " "))
    let kind = name.split(separator: ",")[0]
    if let least = thresholds[String(kind)]?[dtype], rate < least * peak {
        let share = Int((rate / peak * 100).rounded(.down))
        failures.append("\(name), \(dtype): \(share) % of the peak, at least \(Int(least * 100)) % are expected")
    }
}
extension String {
    func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}

for dtype in [DType.float32, .bfloat16] {
    print("\(dtype), \(threads) threads, sequences of \(tokens)")
    var peak = 0.0
    Engine.withoutGradient {
        // The peak: the largest rate of any product of these sizes, on data that stays near the processor.
        for (rows, out, width) in [(512, 1536, 576), (512, 576, 1536), (1024, 1024, 1024), (2048, 3072, 576)] {
            let x = random([rows, width]).to(dtype)
            let w = random([out, width]).to(dtype)
            let seconds = best { _ = x.linear(w) }
            peak = max(peak, 2 * Double(rows * out * width) / seconds / 1e9)
        }
        print("measured GEMM peak".padding(to: 47), "\(Int(peak)) GFLOP/s")
    }
    guard measuresBlock else { continue }
    Engine.withoutGradient {
        let working = block.to(dtype)
        for batch in [1, 2, 4] {
            let x = random([batch, tokens, 576])
            let operations = Double(batch) * configuration.blockOperations(layer: 0, tokens: tokens)
            row(
                "forward, batch \(batch)", best { _ = working(x, rotary: rotary) }, operations: operations, peak: peak,
                dtype: dtype)
            row(
                "  attention sub-layer", best { _ = working.attend(x, rotary: rotary) },
                operations: operations
                    - 2 * Double(batch * tokens * 3 * 576 * 1536), peak: peak, dtype: dtype)
            row(
                "  MLP sub-layer", best { _ = working.down(working.expand(x)) },
                operations: 2 * Double(batch * tokens * 3 * 576 * 1536), peak: peak, dtype: dtype)
        }
    }
    for batch in [1, 2, 4] {
        let x = random([batch, tokens, 576])
        let operations = Double(batch) * configuration.blockOperations(layer: 0, tokens: tokens)
        var leaves = block.to(dtype)
        for name in leaves.projections {
            let weight = leaves[name].weight.clone()
            weight.requireGradient()
            leaves[name] = leaves[name].with(weight: weight)
        }
        let seconds = best {
            let output = Engine.withGradient(true) { leaves(x, rotary: rotary) }
            output.backward(gradient: x)
            for name in leaves.projections { _ = leaves[name].weight.takeGradient() }
        }
        // The first projection's input needs no derivative: its third product is not made.
        let unneeded = 2 * Double(batch * tokens * 576 * 960)
        row(
            "forward + backward, batch \(batch)", seconds, operations: 3 * operations - unneeded, peak: peak,
            dtype: dtype)
    }
    Engine.withoutGradient {
        let weight = block.gateUp.weight.clone()
        let gradient = weight.to(dtype)
        let working = weight.to(dtype).clone()
        let mask = weight.keepMask(2, of: 4)
        let (first, second) = (Tensor.zeros(weight.shape), Tensor.zeros(weight.shape))
        let all = block.projections.reduce(0) { $0 + block[$1].weight.count }
        let share = Double(all) / Double(weight.count)
        func line(_ name: String, _ body: () -> Void) {
            print(name.padding(to: 34), "\(Int(best(body) * 1e6 * share)) us for a block's weights")
        }
        line("Adam step") {
            weight.adamStep(
                gradient: gradient, first: first, second: second, mask: mask, working: working, rate: 1e-4, beta1: 0.9,
                beta2: 0.95, epsilon: 1e-12, step: 1)
        }
        line("RMSprop step") { weight.rmspropStep(gradient: gradient, square: second, working: working, rate: 1e-7) }
        line("2:4 mask of scores") { _ = weight.keepMask(2, of: 4) }
        line("unstructured mask of scores, by row") { _ = weight.keepMask(288, of: 576) }
        let (rows, columns) = (4096, 14336)
        let large = Tensor(
            (0..<UInt32(rows * columns)).map { Float(bitPattern: $0 &* 2_654_435_761 >> 9 | 0x3F80_0000) },
            shape: [rows, columns])
        let seconds = best { _ = large.keepMask(large.count / 2, of: large.count) }
        print("mask of a whole matrix of 4096 x 14336".padding(to: 34), "\(Int(seconds * 1e3)) ms")
    }
}
if checks {
    print(failures.isEmpty ? "all shares are at least their thresholds" : failures.joined(separator: "\n"))
    if !failures.isEmpty { exit(1) }
}
