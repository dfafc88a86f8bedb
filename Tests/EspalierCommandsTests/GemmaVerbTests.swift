import Checkpoints
import Decoders
import Evaluation
import Faults
import Foundation
import JSONText
import Runs
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// Verbs on a family whose texts begin with BOS whatever the tokenizer does.
struct GemmaVerbTests {
    private let text = String(repeating: "Ten small foxes and one hen went over the hill. ", count: 20)

    private func engine() throws -> EngineSettings { try EngineSettings(threads: 1, device: .cpu, dtype: .float32) }

    private func evaluation(_ folder: String, _ file: String, bos: Bool?) throws -> EvaluationReport {
        try EvaluationRun(
            model: folder, files: [.text(file)], context: 16, bos: bos, windows: 4, engine: try engine()
        ).measure(quiet)
    }

    /// Tokens in windows as they are expected, scored by themselves.
    private func perplexity(_ folder: String, _ rows: [[Int32]]) throws -> Double {
        let decoder = try Decoder(try Checkpoint.open(folder))
        return try StreamedEvaluation(decoder, dtype: .float32)
            .measure(try TokenWindows(ids: rows.flatMap { $0 }, length: rows[0].count)).perplexity
    }

    @Test func aTextsWindowsBeginWithBOSForGemmaAlone() throws {
        let bytes = text.utf8.map(Int32.init)
        for isGemma in [true, false] {
            let folder = try model { $0.isGemma = isGemma }
            let file = try folder.write("a.txt", text)
            let begun = (0..<4).map { [TinyModel.begin] + bytes[$0 * 15..<($0 + 1) * 15] }
            let plain = (0..<4).map { Array(bytes[$0 * 16..<($0 + 1) * 16]) }
            for bos in [nil, true, false] {
                let report = try evaluation(folder.path, file, bos: bos)
                let found = try #require(report.json.objectValue?["perplexity"]?.objectValue?["a.txt"]?.objectValue)
                let isBegun = bos ?? isGemma
                #expect(found["bos"]?.boolValue == isBegun && found["tokens"]?.integerValue == 60)
                let expected = try perplexity(folder.path, isBegun ? begun : plain)
                #expect(abs((found["value"]?.doubleValue ?? 0) / expected - 1) < 1e-9)
                #expect(report.text.contains("begins with BOS") == isBegun)
            }
        }
    }

    @Test func aModelWithoutBOSCannotBegin() throws {
        let folder = try model { $0.configuration = [("bos_token_id", .null)] }
        let file = try folder.write("a.txt", text)
        let fault = #expect(throws: Fault.self) { try evaluation(folder.path, file, bos: true) }
        #expect(fault?.kind == .badData && fault?.expected?.contains("bos_token_id") == true)
        #expect(throws: (any Error).self) {
            var command = try Evaluate.parse(["m", "--tokens", "t.safetensors", "--bos"])
            try command.validate()
        }
    }

    @Test func promptsBeginWithBOSOnce() throws {
        let folder = try model { $0.isGemma = true }
        let opened = try OpenedModel(folder.path)
        let special = try opened.specialTokens(try opened.tokenizer())
        #expect(special.prefix == [TinyModel.begin])
        #expect(special.begun([1, 2]) == [256, 1, 2] && special.begun([256, 1]) == [256, 1])
        #expect(special.begun([1], isRendered: true) == [256, 1] && special.begun([]) == [256])
        let report = try GenerationRun(model: folder.path, prompt: "ab", maxTokens: 3, engine: try engine())
            .generate(quiet)
        #expect(report.promptIDs == [256, 97, 98])
        let log = try folder.write("log.jsonl", #"{"prompt": "ab", "completion": "c"}"# + "\n")
        let logged = try LoggedPrompts(
            log, opened, try opened.tokenizer(), limit: 64, advice: "", quiet)
        #expect(logged.prompts[0].sequence.ids == [256, 97, 98, 99] && logged.prompts[0].given == [256, 97, 98])
    }

    @Test func calibrationSaysItInTheManifestAndAPrunedModelVerifies() throws {
        let folder = try model { $0.isGemma = true }
        let parent = try TemporaryFolder()
        let calibration = try parent.write("c.txt", text)
        for method in ["wanda++", "tyr"] {
            let output = parent.path + "/" + method
            let arguments = try PruneArguments.parse(
                [
                    folder.path, "--output", output, "--calibration", calibration, "--samples", "16",
                    "--sequence-length", "32", "--method", method, "--sparsity", "30%", "--device", "cpu", "--dtype",
                    "float32", "--threads", "1",
                ] + (method == "tyr" ? ["--effort", "quick"] : []))
            let settings = try arguments.recipe(overwrite: false).resolved()
            let context = try PrunePreparation(settings, reporter: quiet).context
            let set = try #require(context.calibration)
            #expect(set.manifest["bos"]?.boolValue == true)
            #expect((0..<set.tokens.rows).allSatisfy { set.tokens[$0].first == TinyModel.begin })
            #expect(set.tokens[1].dropFirst().first != TinyModel.begin)
            _ = try PruneRun(context).start()
            _ = try PublishedFolder(output, reporter: quiet)
            let report = try JSONValue(parsing: try ReadableFile.bytes(output + "/report.json")).objectValue
            #expect(report?["calibration"]?.objectValue?["bos"]?.boolValue == true)
            let inspection = try Inspection(output, readsWeights: true, reporter: quiet)
            #expect(inspection.text.contains("gemma3_text"))
        }
    }
}
