import Decoders
import Pruning
import Recipes
import RunSupport
import Testing
import Torch

@testable import Runs

/// What a run tells of the errors that pruning made.
@Suite(.serialized)
struct BlockErrorsTests {
    /// A block of the tiny model with three samples in front of it.
    private func task(_ bench: Bench) throws -> BlockTask {
        let context = try bench.context("out")
        let tokens = try #require(context.calibration?.tokens)
        let stream = try context.run.embedded(tokens, samples: [0, 5, 9], place: .memory(.cpu))
        return BlockTask(
            block: try context.decoder.block(0), goals: [:], rotary: context.decoder.rotary(positions: tokens.columns),
            input: stream, denseOutput: nil, compute: .float32, batch: 2, device: .cpu, seed: 0)
    }

    private func values(_ tensor: Tensor) -> [Double] {
        let copy = tensor.to(.float32).contiguous()
        return copy.withMutableBytes { $0.bindMemory(to: Float.self).map(Double.init) }
    }

    /// The mean over tokens of ‖ŷ − y‖² / ‖y‖², in float64.
    private func relative(_ output: Tensor, _ goal: Tensor) -> Double {
        let (a, b, width) = (values(output), values(goal), goal.size(goal.shape.count - 1))
        let rows = stride(from: 0, to: b.count, by: width).map { start in
            let range = start..<start + width
            return range.reduce(0) { $0 + (a[$1] - b[$1]) * (a[$1] - b[$1]) } / range.reduce(0) { $0 + b[$1] * b[$1] }
        }
        return rows.reduce(0, +) / Double(rows.count)
    }

    @Test("errors of the block and of its linears are those of their outputs on the same input, token by token")
    func reference() throws {
        let bench = try Bench()
        let task = try task(bench)
        var changed = task.block
        changed.gateUp = changed.gateUp.with(weight: changed.gateUp.weight * 0.9)
        let errors = try BlockErrors(task, samples: [0, 2], before: task.block, written: changed)
        #expect(errors.linears.map(\.linear) == LinearName.ofLlama.map(\.rawValue))
        // In front of the change everything is as before; gate and up are a tenth smaller.
        for (linear, error) in errors.linears {
            switch linear {
            case "q", "k", "v", "o": #expect(error == 0, "\(linear)")
            case "gate", "up": #expect(abs(error - 0.01) < 1e-6, "\(linear)")
            default: #expect(error > 0.01)
            }
        }
        var outputs: [Tensor] = []
        var blocks: [Tensor] = []
        for block in [changed, task.block] {
            let x = try task.input.read([0, 2])
            blocks.append(block(x, rotary: task.rotary, outputs: { if $0 == .down { outputs.append($1) } }))
        }
        #expect(abs(errors.linears[6].error - relative(outputs[0], outputs[1])) < 1e-6)
        #expect(abs(errors.after - relative(blocks[0], blocks[1])) < 1e-6)
        #expect(errors.before == 0)
    }

    @Test("of a compact block the linears with fewer outputs have no error, and a part that is gone has lost all")
    func compact() throws {
        let bench = try Bench()
        let task = try task(bench)
        let narrow = task.block.compacted(
            attention: nil,
            mlp: .init(
                kept: .neurons(Array(0..<20)),
                weight: task.block.down.weight.narrowed(1, 0, 20).contiguous(), error: 0))
        let errors = try BlockErrors(task, samples: [1], before: nil, written: narrow)
        #expect(errors.linears.map(\.linear) == ["q", "k", "v", "o", "down"] && errors.before == nil)
        #expect(errors.linears[4].error > 0 && errors.linears[4].error < 1)

        let attention = task.block.compacted(
            attention: nil,
            mlp: .init(
                kept: .neurons([]), weight: Tensor.zeros([task.block.down.weight.size(0), 0]), error: 0))
        let gone = try BlockErrors(task, samples: [1], before: nil, written: attention)
        #expect(gone.linears.map(\.linear) == ["q", "k", "v", "o", "down"] && gone.linears[4].error > 0.999)
    }

    @Test(
        "a run writes them for every linear, and they come back from the journal's line",
        arguments: MethodRegistry.standard.methods.map(\.declaration.name))
    func report(method: String) throws {
        let bench = try Bench()
        let half = try Sparsity(0.5)
        let result = try bench.prune("out") {
            $0.method = method
            $0.sparsity = half
            if method == "magnitude" { $0.calibration = [] }
        }
        for block in result.blocks {
            let linears = block.linearErrors
            if method == "magnitude" {
                #expect(linears.isEmpty && block.json(timed: false).objectValue?["linear_errors"] == nil)
                continue
            }
            #expect(linears.allSatisfy { $0.error.isFinite && $0.error >= 0 })
            #expect(linears.contains { $0.linear == "down" && $0.error > 0 })
            let back = try #require(BlockReport(json: block.json(timed: false)))
            #expect(back.linearErrors.map(\.linear) == linears.map(\.linear))
            #expect(back.linearErrors.map(\.error) == linears.map(\.error))
        }
    }
}
