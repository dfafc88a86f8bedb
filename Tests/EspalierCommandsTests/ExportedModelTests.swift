import Checkpoints
import Faults
import Foundation
import JSONText
import Recipes
import Runs
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

@Suite("What an exported model is made of")
struct ExportedModelTests: ExportSuite {
    @Test("licence, base model and chat template go along")
    func origin() throws {
        let (folder, work) = (try model(), try TemporaryFolder())
        try folder.write(
            "README.md", "---\nlicense: apache-2.0\nbase_model: Owner/Name\nlanguage:\n- en\n---\n# Text\n")
        try folder.write("tokenizer_config.json", #"{"bos_token": "<|begin|>", "chat_template": "{{ messages }}"}"#)
        let output = work.path("m.gguf")
        _ = try export(folder.path, output)
        let written = try Checkpoint.open(output)
        let card = String(decoding: try #require(written.card).bytes(), as: UTF8.self)
        #expect(card.contains("\"license\": \"apache-2.0\"") && card.contains("\"en\""))
        let settings = try #require(written.sideFiles.first { $0.name == "tokenizer_config.json" })
        let json = try JSONValue(parsing: settings.bytes()).objectValue
        #expect(json?["chat_template"]?.stringValue == "{{ messages }}")
        #expect(json?["bos_token"]?.stringValue == "<|begin|>" && json?["eos_token"]?.stringValue == "<|end|>")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: output))
        for text in ["general.base_model.0.organization", "general.base_model.0.name"] {
            #expect(bytes.range(of: Data(text.utf8)) != nil)
        }
        // A registry's address is nobody's to guess.
        #expect(bytes.range(of: Data("https://".utf8)) == nil)
    }

    @Test("layers of different shapes become arrays by layer")
    func ragged() throws {
        let work = try TemporaryFolder()
        let folder = try model()
        let calibration = try work.write("t.txt", text)
        var recipe = PruneRecipe()
        (recipe.model, recipe.output) = (folder.path, work.path("pruned"))
        (recipe.method, recipe.effort, recipe.sparsity) = ("tyr", .quick, try Sparsity(0.6))
        // Of 24 neurons eight are many.
        recipe.granularity = 1
        (recipe.calibration, recipe.samples, recipe.sequenceLength) = ([calibration], 8, 16)
        (recipe.device, recipe.dtype, recipe.threads) = (.cpu, .float32, 1)
        _ = try PruneRun(PrunePreparation(try recipe.resolved(), reporter: quiet).context).start()
        let configuration = try OpenedModel(work.path("pruned")).configuration
        let report = try export(work.path("pruned"), work.path("m.gguf"))
        #expect(!configuration.isUniform && report.architecture == "deci")
        #expect(report.layerCount + report.dropped.count == configuration.layerCount)
        // Read again it is the same model.
        let written = try OpenedModel(work.path("m.gguf"))
        #expect(!written.configuration.isUniform && written.configuration.layerCount == report.layerCount)
        #expect(
            try perplexity(work.path("pruned"), calibration) == perplexity(work.path("m.gguf"), calibration))
        let again = try export(work.path("m.gguf"), work.path("again.gguf"))
        #expect(again.architecture == "deci" && again.digest.count == 64)
        #expect(
            try perplexity(work.path("again.gguf"), calibration) == perplexity(work.path("m.gguf"), calibration))
    }

    @Test("Gemma's norms and windows")
    func gemma() throws {
        let (folder, work) = (try model { ($0.isGemma, $0.layers) = (true, 4) }, try TemporaryFolder())
        let output = work.path("m.gguf")
        #expect(try export(folder.path, output).architecture == "gemma3")
        let (own, written) = (try OpenedModel(folder.path).configuration, try OpenedModel(output).configuration)
        #expect(own.blueprint == written.blueprint)
        let file = try work.write("t.txt", text)
        let (dense, exported) = (try perplexity(folder.path, file), try perplexity(output, file))
        // One is added to its norms and taken away again.
        #expect(abs(exported / dense - 1) < 1e-4)
    }
}
