import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import Recipes
import Runs
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

@Suite("Export to GGUF")
struct ExportTests: ExportSuite {
    @Test("in float32 every weight, token and prediction is the same")
    func exactly() throws {
        let (folder, work) = (try model(), try TemporaryFolder())
        let output = work.path("m.gguf")
        let report = try export(folder.path, output)
        #expect(report.asked.name == "F32" && report.architecture == "llama" && report.notes.isEmpty)
        #expect(try Data(contentsOf: URL(fileURLWithPath: output)).count == report.bytes)
        let (own, written) = (try OpenedModel(folder.path), try OpenedModel(output))
        #expect(own.configuration == written.configuration)
        #expect(own.checkpoint.tensors.count == written.checkpoint.tensors.count)
        for tensor in own.checkpoint.tensors {
            #expect(try own.checkpoint.floats(tensor.name) == written.checkpoint.floats(tensor.name), "\(tensor.name)")
        }
        let file = try work.write("t.txt", text)
        #expect(try perplexity(folder.path, file) == perplexity(output, file))
        #expect(
            try own.tokenizer().encode(text, addSpecialTokens: true)
                == written.tokenizer().encode(text, addSpecialTokens: true))
        // What a GGUF file holds is exported the same way.
        let again = work.path("again.gguf")
        _ = try export(output, again)
        for tensor in own.checkpoint.tensors {
            #expect(try Checkpoint.open(again).floats(tensor.name) == own.checkpoint.floats(tensor.name))
        }
    }

    @Test("in fewer bits weights are near, and files smaller", arguments: GGUFTypes.all.map(\.name))
    func types(_ type: String) throws {
        let (folder, work) = (try wide(), try TemporaryFolder())
        let output = work.path("m.gguf")
        let report = try export(folder.path, output, type)
        // Rows of 32 and 64: none holds a block of 256.
        let fitting = ["Q4_K": "Q5_0", "Q4_K_M": "Q5_0", "Q5_K": "Q5_1", "Q5_K_M": "Q5_1", "Q6_K": "Q8_0"][type]
        #expect(report.fallbacks.isEmpty == (fitting == nil))
        let (own, written) = (try Checkpoint.open(folder.path), try Checkpoint.open(output))
        let bound: Float =
            switch type.prefix(2) {
            case "F3": 0
            case "F1", "BF": 0.004
            case "Q8", "Q6": 0.012
            case "Q5": 0.04
            default: 0.09
            }
        for tensor in own.tensors {
            let (values, read) = (try own.floats(tensor.name), try written.floats(tensor.name))
            let most = zip(values, read).map { abs($0 - $1) }.max() ?? .infinity
            #expect(most <= (tensor.shape.count > 1 ? bound : 0), "\(tensor.name)")
        }
        let head = try #require(written.tensor("lm_head.weight"))
        #expect(head.encoding == (type.hasPrefix("Q") ? "Q8_0" : type))
        let gate = try #require(written.tensor("model.layers.1.mlp.gate_proj.weight"))
        #expect(gate.encoding == fitting ?? type)
        #expect(report.json.objectValue?["type"]?.stringValue == type)
    }

    @Test("rows without whole blocks are stored in float16, which is told")
    func fallback() throws {
        let (folder, work) = (try model { $0.hidden = 32 }, try TemporaryFolder())
        let report = try export(folder.path, work.path("m.gguf"), "Q4_0")
        #expect(report.fallbacks == ["blk.0.ffn_down.weight", "blk.1.ffn_down.weight"])
        #expect(report.text.contains("2 tensors in F16") && report.text.contains("the output matrix is stored in Q8_0"))
        let written = try Checkpoint.open(work.path("m.gguf"))
        #expect(written.tensor("model.layers.0.mlp.down_proj.weight")?.encoding == "F16")
    }

    /// A model with rows that hold blocks of 256.

    @Test("mixtures keep more bits where errors cost most")
    func mixture() throws {
        let (folder, work) = (try superBlocks(), try TemporaryFolder())
        for (type, finer) in [("Q4_K_M", "Q6_K"), ("Q5_K", "Q5_K")] {
            let output = work.path("\(type).gguf")
            let report = try export(folder.path, output, type)
            #expect(report.fallbacks.isEmpty)
            let written = try Checkpoint.open(output)
            let base = String(type.prefix(4))
            // Two layers: no eighth, and none is a third.
            #expect(written.tensor("model.layers.0.mlp.gate_proj.weight")?.encoding == base)
            #expect(written.tensor("model.embed_tokens.weight")?.encoding == "Q6_K")
            let down = try #require(written.tensor("model.layers.1.mlp.down_proj.weight")).encoding
            #expect(down == (GGUFTypes.isFiner(1, of: 2) ? finer : base))
            // What an export without --type goes back to.
            #expect(written.types?.name == type)
        }
        #expect(
            (0..<32).filter { GGUFTypes.isFiner($0, of: 32) } == [
                0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31,
            ])
    }

    @Test("zeros that a type fills are told")
    func filledZeros() throws {
        let (folder, work) = (try wide(), try TemporaryFolder())
        let pruned = work.path("pruned")
        var recipe = PruneRecipe()
        (recipe.model, recipe.output, recipe.method) = (folder.path, pruned, "magnitude")
        recipe.pattern = try PatternChoice(parsing: "2:4")
        _ = try PruneRun(PrunePreparation(try recipe.resolved(), reporter: quiet).context).start()
        let kept = try export(pruned, work.path("a.gguf"), "Q4_0")
        #expect(kept.filledZeros == 0 && kept.zeros > 1000 && !kept.text.contains("no longer zero"))
        let filled = try export(pruned, work.path("b.gguf"), "Q4_1")
        #expect(filled.filledZeros > 0 && filled.text.contains("no longer zero"))
        let written = try Checkpoint.open(work.path("b.gguf"))
        let dense = try Checkpoint.open(pruned)
        let counts = try dense.tensors.filter { $0.shape.count > 1 }.map { tensor in
            zip(try dense.floats(tensor.name), try written.floats(tensor.name)).count { $0 == 0 && $1 != 0 }
        }
        #expect(filled.filledZeros == counts.reduce(0, +))
    }

    @Test("a file that is there stays, unless it may be replaced")
    func existing() throws {
        let (folder, work) = (try model(), try TemporaryFolder())
        let output = try work.write("m.gguf", "mine")
        let mistakes = faultMistakes(.outputExists, ["exists already", "--overwrite"]) {
            try export(folder.path, output)
        }
        #expect(mistakes == [])
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "mine")
        #expect(try export(folder.path, output, overwrites: true).bytes > 4)
        #expect(try work.names() == ["m.gguf"])
    }

    @Test("a weight that float16 has no number for is named, and nothing is left")
    func overflow() throws {
        let work = try TemporaryFolder()
        let folder = try model {
            $0.edit = { name, values in if name == "model.layers.1.mlp.up_proj.weight" { values[5] = 1e6 } }
        }
        let mistakes = faultMistakes(
            .badData, ["cannot be stored in F16", "model.layers.1.mlp.up_proj.weight", "element 5", "--type BF16"]
        ) { try export(folder.path, work.path("m.gguf"), "F16") }
        #expect(mistakes == [])
        #expect(try work.names() == [])
        _ = try export(folder.path, work.path("m.gguf"), "BF16")
    }

    @Test("a window or an unknown rule of cutting text is refused")
    func refused() throws {
        let work = try TemporaryFolder()
        let window = try model {
            $0.configuration = [("model_type", .string("mistral")), ("sliding_window", .integer(16))]
        }
        let first = faultMistakes(.badData, ["sliding window cannot be stored", "16 positions"]) {
            try export(window.path, work.path("m.gguf"))
        }
        #expect(first == [])
        let cut = try model()
        var tokenizer = try #require(TinyModel.tokenizer.objectValue)
        // GPT-2's rule after composing: no name stands for both.
        tokenizer["normalizer"] = .object(["type": .string("NFC")])
        try cut.write("tokenizer.json", JSONValue.object(tokenizer).text())
        let second = faultMistakes(.badData, ["cannot be said in a GGUF file", "pre_tokenizer", "NFC, then"]) {
            try export(cut.path, work.path("m.gguf"))
        }
        #expect(second == [])
        #expect(try work.names() == [])
    }
}
