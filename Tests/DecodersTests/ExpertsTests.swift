import Checkpoints
import Foundation
import TestSupport
import Testing
import Torch

@testable import Decoders

/// A layer whose feed-forward part is a mixture, against the same in float64.
@Suite("Experts")
struct ExpertsTests {
    private static let count = 5
    private static let chosen = 2
    private let folder: TemporaryFolder
    private let decoder: Decoder

    init() throws {
        folder = try TemporaryFolder()
        var tiny = TinyModel()
        let prefix = "model.layers.1.mlp."
        tiny.extra = [(prefix + "gate.weight", [ExpertsTests.count, 16])]
        for expert in 0..<ExpertsTests.count {
            let own = prefix + "experts.\(expert)."
            tiny.extra += [
                (own + "gate_proj.weight", [24, 16]), (own + "up_proj.weight", [24, 16]),
                (own + "down_proj.weight", [16, 24]),
            ]
        }
        try tiny.write(to: folder)
        let checkpoint = try Checkpoint.open(folder.path)
        // No family makes such a blueprint; a dense one's second layer becomes one.
        var configuration = try DecoderConfiguration(checkpoint.configuration, file: "config.json")
        configuration.blueprint.layers[1].feedForward = ExpertsTests.mixture(sumsToOne: true)
        decoder = try Decoder(checkpoint, configuration: configuration)
    }

    private static func mixture(sumsToOne: Bool) -> LayerBlueprint.FeedForward {
        .experts(.init(count: count, chosen: chosen, activation: .silu, sumsToOne: sumsToOne))
    }

    @Test("expected tensors follow from the blueprint, and a checkpoint without one is refused")
    func tensors() throws {
        let prefix = "model.layers.1."
        let found = decoder.expectedTensors.filter { $0.name.hasPrefix(prefix + "mlp.") }
        #expect(found.count == 3 * ExpertsTests.count + 1)
        func shape(_ name: String) -> [Int]? { found.first { $0.name == prefix + name }?.shape }
        #expect(shape("mlp.gate.weight") == [ExpertsTests.count, 16])
        for expert in 0..<ExpertsTests.count {
            #expect(shape("mlp.experts.\(expert).gate_proj.weight") == [24, 16])
            #expect(shape("mlp.experts.\(expert).up_proj.weight") == [24, 16])
            #expect(shape("mlp.experts.\(expert).down_proj.weight") == [16, 24])
        }
        #expect(decoder.configuration.weightCount(layer: 1) == 2 * (16 * 16 + 8 * 16) + 15 * 24 * 16)
        var more = decoder.configuration
        more.blueprint.layers[1].feedForward = .experts(
            .init(count: ExpertsTests.count + 1, chosen: 1, activation: .silu, sumsToOne: true))
        #expect {
            _ = try Decoder(decoder.checkpoint, configuration: more)
        } throws: {
            "\($0)".contains("lacks a tensor") && "\($0)".contains("experts.5.gate_proj")
        }
    }

    /// A mixture in float64 of what enters the second sub-layer, [n, 16].
    private func expected(
        _ x: [[Double]], sumsToOne: Bool
    ) throws -> (added: [[Double]], squares: [ProjectionName: [Double]]) {
        func matrix(_ name: String) throws -> [[Double]] {
            let tensor = try decoder.tensor("model.layers.1." + name + ".weight")
            let width = tensor.size(tensor.rank - 1)
            let values = tensor.doubles()
            return stride(from: 0, to: values.count, by: width).map { Array(values[$0..<$0 + width]) }
        }
        func product(_ matrix: [[Double]], _ x: [Double]) -> [Double] {
            matrix.map { row in zip(row, x).reduce(0) { $0 + $1.0 * $1.1 } }
        }
        let norm = try matrix("post_attention_layernorm")[0]
        let router = try matrix("mlp.gate")
        let experts = try (0..<ExpertsTests.count).map { expert in
            try ["gate", "up", "down"].map { try matrix("mlp.experts.\(expert).\($0)_proj") }
        }
        var squares: [ProjectionName: [Double]] = [:]
        func note(_ name: ProjectionName, _ input: [Double]) {
            squares[name] = zip(squares[name] ?? input.map { _ in 0 }, input).map { $0 + $1 * $1 }
        }
        let added = x.map { x -> [Double] in
            let length = (x.reduce(0) { $0 + $1 * $1 } / Double(x.count) + 1e-5).squareRoot()
            let normal = zip(x, norm).map { $0 / length * $1 }
            let powers = product(router, normal).map { exp($0) }
            let shares = powers.map { $0 / powers.reduce(0, +) }
            let chosen = shares.indices.sorted { shares[$0] > shares[$1] }.prefix(ExpertsTests.chosen)
            let total = sumsToOne ? chosen.reduce(0) { $0 + shares[$1] } : 1
            var sum = [Double](repeating: 0, count: x.count)
            for expert in chosen {
                note(ProjectionName(.gateUp, expert: expert), normal)
                let (gate, up) = (product(experts[expert][0], normal), product(experts[expert][1], normal))
                let inner = zip(gate, up).map { $0 / (1 + exp(-$0)) * $1 }
                note(ProjectionName(.down, expert: expert), inner)
                sum = zip(sum, product(experts[expert][2], inner)).map { $0 + shares[expert] / total * $1 }
            }
            return sum
        }
        return (added, squares)
    }

    @Test("a pass adds the shares of the chosen experts, and shows each what it reads", arguments: [true, false])
    func pass(sumsToOne: Bool) throws {
        var configuration = decoder.configuration
        configuration.blueprint.layers[1].feedForward = ExpertsTests.mixture(sumsToOne: sumsToOne)
        let block = try Decoder(decoder.checkpoint, configuration: configuration).block(1)
        let ids = (0..<26).map { Int32(($0 * 37 + 5) % 250) }
        let x = try decoder.embedded(ids).reshaped([2, 13, 16])
        let rotary = decoder.rotary(positions: 13)
        var sums: [ProjectionName: [Double]] = [:]
        let (attended, output) = Engine.withoutGradient {
            (
                block.attend(x, rotary: rotary).doubles(),
                block(x, rotary: rotary) { name, input in
                    let own = (input * input).reshaped([-1, input.size(input.rank - 1)]).sum(0).doubles()
                    sums[name] = zip(sums[name] ?? own.map { _ in 0 }, own).map { $0 + $1 }
                }.doubles()
            )
        }
        let rows = stride(from: 0, to: attended.count, by: 16).map { Array(attended[$0..<$0 + 16]) }
        let (added, squares) = try expected(rows, sumsToOne: sumsToOne)
        for (found, whole) in zip(output, zip(rows, added).flatMap { zip($0, $1).map { $0 + $1 } }) {
            #expect(abs(found - whole) < 1e-5 * max(1, abs(whole)))
        }
        // Every expert was chosen by some token, and not by all.
        #expect(squares.count == 2 * ExpertsTests.count)
        var observed: [ProjectionName: [Double]] = [:]
        Engine.withoutGradient {
            block.observe(x, rotary: rotary) { name, input in
                let own = (input * input).reshaped([-1, input.size(input.rank - 1)]).sum(0).doubles()
                observed[name] = zip(observed[name] ?? own.map { _ in 0 }, own).map { $0 + $1 }
            }
        }
        #expect(observed == sums && Set(observed.keys) == Set(block.projections))
        for (name, expected) in squares {
            for (found, sum) in zip(try #require(sums[name]), expected) {
                #expect(abs(found - sum) < 1e-4 * sum + 1e-9)
            }
        }
    }
}
