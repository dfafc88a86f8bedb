import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import Publishing
import Recipes
import RunSupport
import Testing
import Torch

@testable import Runs

@Suite("Channels that change places before a K:M pattern chooses")
struct ChannelMovesTests {
    private func bench(_ layers: Int = 2) throws -> Bench {
        try Bench { tiny in
            tiny.layers = layers
            // Neurons and values that matter stand together, so that there is something to gain.
            tiny.edit = { name, values in
                let isRows = name.contains("up_proj") || name.contains("v_proj")
                guard isRows else { return }
                for index in 0..<values.count / 2 { values[index] *= 3 }
            }
        }
    }

    private func prune(_ bench: Bench, _ output: String, _ moves: ChannelMoves?) throws -> RunResult {
        try bench.prune(output) {
            $0.pattern = .keep(2, of: 4)
            $0.channelMoves = moves
        }
    }

    @Test("within blocks: what is outside of linears stays, byte for byte")
    func blocks() throws {
        let bench = try bench()
        let result = try prune(bench, "out", nil)
        #expect(result.channelMoves == .blocks)
        let before = try Checkpoint.open(bench.model.path)
        let after = try Checkpoint.open(bench.path("out"))
        for tensor in before.tensors where !tensor.name.contains("_proj") {
            #expect(try before.storedBytes(tensor.name) == after.storedBytes(tensor.name), "\(tensor.name)")
        }
        _ = try FolderVerification(bench.path("out"))
        let recipe = try String(contentsOfFile: bench.path("out/recipe.yaml"), encoding: .utf8)
        #expect(recipe.contains("permute: blocks"))
        let card = try String(contentsOfFile: bench.path("out/README.md"), encoding: .utf8)
        #expect(card.contains("adapters made"))
        #expect(try String(contentsOfFile: bench.path("out/report.json"), encoding: .utf8).contains("\"permute\""))
    }

    @Test("of the whole model: embeddings have another order, and the same values")
    func all() throws {
        let bench = try bench()
        _ = try prune(bench, "out", .all)
        let before = try Checkpoint.open(bench.model.path)
        let after = try Checkpoint.open(bench.path("out"))
        let (dense, moved) = (
            try before.floats("model.embed_tokens.weight"), try after.floats("model.embed_tokens.weight")
        )
        #expect(dense != moved && dense.sorted() == moved.sorted())
        _ = try FolderVerification(bench.path("out"))
    }

    @Test("the model whose channels moved computes what the dense one does", arguments: [ChannelMoves.blocks, .all])
    func equal(moves: ChannelMoves) throws {
        let bench = try bench()
        let context = try bench.context("out") {
            $0.pattern = .keep(2, of: 4)
            $0.channelMoves = moves
        }
        let ordering = try #require(ChannelOrdering(context, { _ in }))
        let order = try ordering.order()
        #expect(!order.isIdentity && (order.stream != nil) == (moves == .all))
        func logits(_ decoder: Decoder) throws -> [Float] {
            try Engine.withoutGradient {
                let x = try decoder.embedded([3, 1, 4, 1, 5, 9]).reshaped([1, 6, decoder.configuration.hiddenSize])
                var states = x
                for layer in 0..<2 { states = try decoder.block(layer)(states, rotary: decoder.rotary(positions: 6)) }
                return try decoder.head(dtype: .float32)(states).floats()
            }
        }
        let dense = try logits(context.decoder)
        let moved = try logits(context.decoder.reordered(order))
        let scale = try #require(dense.map(\.magnitude).max())
        #expect(zip(dense, moved).allSatisfy { abs($0 - $1) < 1e-5 * scale })
    }

    @Test("none leaves channels where they are, and where nothing is chosen among neighbours nothing moves")
    func none() throws {
        let bench = try bench()
        #expect(try prune(bench, "out", ChannelMoves.none).channelMoves == nil)
        let report = try String(contentsOfFile: bench.path("out/report.json"), encoding: .utf8)
        #expect(!report.contains("\"permute\""))
        #expect(try bench.settings("other").channelMoves == nil)
        for change: (inout PruneRecipe) -> Void in [
            { $0.channelMoves = .blocks },
            {
                $0.pattern = .keep(2, of: 4)
                $0.method = "wanda"
                $0.channelMoves = .all
            },
            {
                $0.pattern = .keep(2, of: 4)
                $0.preset = .paper
                $0.channelMoves = ChannelMoves.none
            },
        ] {
            let fault = try #require(fault { _ = try bench.settings("other", change) })
            #expect(fault.kind == .usage && fault.description.contains("permute"))
        }
    }

    @Test("a stream that something unknown may read stays, and the run says so")
    func unknownReader() throws {
        let bench = try Bench { $0.extra = [(name: "model.extra.weight", shape: [4, 16])] }
        let fault = try #require(fault { _ = try prune(bench, "out", .all) })
        #expect(fault.kind == .usage && fault.place?.contains("model.extra.weight") == true)
        #expect(!bench.exists("out"))
        #expect(try prune(bench, "out", .blocks).channelMoves == .blocks)
    }

    @Test("where nothing can move, report and card do not say that something did")
    func nothing() throws {
        let bench = try bench()
        let result = try bench.prune("out") {
            $0.pattern = .keep(2, of: 4)
            $0.targets = ["down"]
        }
        #expect(result.channelMoves == nil)
        #expect(!(try String(contentsOfFile: bench.path("out/README.md"), encoding: .utf8).contains("adapters made")))
    }

    @Test("flags that leave nothing to move take a recipe's moves with them, and others do not")
    func flags() throws {
        let recipe = try bench().settings("out") {
            $0.pattern = .keep(2, of: 4)
            $0.channelMoves = .all
        }.recipe()
        func merged(_ change: (inout PruneRecipe) -> Void) throws -> ChannelMoves? {
            var flags = PruneRecipe()
            change(&flags)
            return try recipe.merging(flags: flags).resolved().channelMoves
        }
        #expect(try merged { $0.seed = 3 } == .all)
        #expect(try merged { $0.pattern = .keep(4, of: 8) } == .all)
        #expect(try merged { $0.pattern = .unstructured } == nil)
        #expect(try merged { $0.method = "wanda" } == nil)
        #expect(try merged { $0.channelMoves = .blocks } == .blocks)
    }

    @Test("a run that is interrupted after a block ends in the same bytes", arguments: [ChannelMoves.blocks, .all])
    func resumed(moves: ChannelMoves) throws {
        let bench = try bench(3)
        let change: (inout PruneRecipe) -> Void = {
            $0.pattern = .keep(2, of: 4)
            $0.channelMoves = moves
        }
        try bench.prune("out", change) { event in
            if case .finished(let report) = event, report.index == 1 { try? bench.copy("out.partial", to: "copy") }
        }
        let whole = try bench.files("out")
        bench.remove("out")
        try bench.copy("copy", to: "out.partial")
        #expect(try bench.resume("out") != nil)
        #expect(Folder.differences(try bench.files("out"), whole) == [])
    }

    @Test("an interrupted run whose journal names no moves goes on without")
    func older() throws {
        let bench = try bench(3)
        try bench.prune("out") {
            $0.pattern = .keep(2, of: 4)
            $0.channelMoves = ChannelMoves.none
        } events: { event in
            if case .finished(let report) = event, report.index == 0 { try? bench.copy("out.partial", to: "copy") }
        }
        bench.remove("out")
        try bench.copy("copy", to: "out.partial")
        let path = bench.path("out.partial/journal.jsonl")
        let journal = try String(contentsOfFile: path, encoding: .utf8)
        #expect(journal.contains("permute: none"))
        try journal.replacingOccurrences(of: "permute: none\\n", with: "")
            .write(toFile: path, atomically: false, encoding: .utf8)
        #expect(!(try String(contentsOfFile: path, encoding: .utf8).contains("permute")))
        #expect(try PruneRun.interrupted(output: bench.path("out"))?.channelMoves == ChannelMoves.none)
    }
}
