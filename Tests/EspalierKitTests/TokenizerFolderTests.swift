import Checkpoints
import Faults
import Foundation
import JSONText
import Recipes
import Runs
import TestSupport
import Testing
import Torch

@testable import EspalierKit

/// Models whose tokenizer several files tell, through the verbs.
struct TokenizerFolderTests {
    private func engine() throws -> EngineSettings { try EngineSettings(threads: 1, device: .cpu, dtype: .float32) }

    private func fault(_ body: () throws -> Void) -> Fault? {
        do { try body() } catch { return error as? Fault }
        return nil
    }

    private static let settings = #"{"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>"}"#

    @Test func aTokenThatOnlyTheSettingsListIsReadAndTold() throws {
        let folder = try model { $0.vocabulary = 264 }
        let before = try Checkpoint.open(folder.path).tokenizerDigest()
        try folder.write("tokenizer_config.json", TokenizerFolderTests.settings)
        let opened = try OpenedModel(folder.path)
        #expect(opened.warnings.contains { $0.contains("<|im_end|>") })
        let tokenizer = try opened.tokenizer()
        #expect(tokenizer.encode("a<|im_end|>b", addSpecialTokens: false) == [97, 258, 98])
        // Two tokenizers that cut text differently are not the same to watch and gate.
        #expect(try opened.checkpoint.tokenizerDigest() != before)
        let inspection = try Inspection(folder.path, readsWeights: false, reporter: quiet)
        #expect(inspection.tokenizer?.tokens == 259)
        let report = try GenerationRun(model: folder.path, prompt: "a<|im_end|>", maxTokens: 1, engine: try engine())
            .generate(quiet)
        #expect(report.promptIDs == [97, 258])
    }

    @Test func aTokenWithoutAnEmbeddingIsToldAndRefusedWhereATextHasIt() throws {
        let folder = try model()
        try folder.write("tokenizer_config.json", TokenizerFolderTests.settings)
        let opened = try OpenedModel(folder.path)
        let token = try #require(try opened.tokenizer().token(of: 258))
        #expect(opened.warnings.contains { $0.contains("embedding of 258 rows has none for") && $0.contains(token) })
        func run(_ prompt: String) throws(Fault) {
            _ = try GenerationRun(
                model: folder.path, prompt: prompt, maxTokens: 1,
                engine: try EngineSettings(threads: 1, device: .cpu, dtype: .float32)
            ).generate(quiet)
        }
        try run("a text")
        let found = fault { try run("a \(token) text") }
        #expect(found?.kind == .badData && found?.description.contains("258") == true)
    }

    @Test func filesWithoutATokenizerJSONAreReadAndPublished() throws {
        let folder = try model { $0.hasTokenizer = false }
        let vocabulary = try #require(TinyModel.tokenizer.objectValue?["model"]?.objectValue?["vocab"])
        let files = [
            "vocab.json": vocabulary.text(), "merges.txt": "#version: 0.2\n",
            "tokenizer_config.json":
                #"{"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "bos_token": "<|begin|>", "#
                + #""eos_token": "<|end|>", "unk_token": "<|end|>"}"#,
            "special_tokens_map.json": #"{"bos_token": "<|begin|>"}"#,
            "added_tokens.json": #"{"<|begin|>": 256, "<|end|>": 257}"#,
        ]
        for (name, text) in files { try folder.write(name, text) }
        let text = try folder.write("text.txt", String(repeating: "a text of words. ", count: 40))
        let place = try TemporaryFolder()
        let output = place.path + "/out"
        var recipe = PruneRecipe()
        (recipe.model, recipe.output, recipe.method, recipe.sparsity) = (
            folder.path, output, "wanda", try Sparsity(0.5)
        )
        (recipe.calibration, recipe.samples, recipe.sequenceLength) = ([text], 4, 16)
        (recipe.device, recipe.dtype, recipe.threads) = (.cpu, .float32, 1)
        _ = try PruneRun(try PrunePreparation(try recipe.resolved(), reporter: quiet).context).start()
        for (name, text) in files {
            #expect(try String(contentsOfFile: output + "/" + name, encoding: .utf8) == text, "\(name)")
        }
        let (source, pruned) = (try OpenedModel(folder.path), try OpenedModel(output))
        for opened in [source, pruned] {
            #expect(try opened.tokenizer().encode("a<|end|>b", addSpecialTokens: true) == [256, 97, 257, 98])
        }
        #expect(try source.checkpoint.tokenizerDigest() == pruned.checkpoint.tokenizerDigest())
        #expect(try PublishedFolder(output, reporter: quiet).warnings.isEmpty)
    }
}
