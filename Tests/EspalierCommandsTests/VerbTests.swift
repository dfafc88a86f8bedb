import Checkpoints
import Faults
import Files
import Foundation
import JSONText
import Recipes
import Runs
import TestSupport
import Testing
import Torch

@testable import EspalierCommands
@testable import EspalierKit

/// The verbs on a model of a few thousand weights.
struct VerbTests {
    private func engine() throws -> EngineSettings { try EngineSettings(threads: 1, device: .cpu, dtype: .float32) }

    private let text = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 8)

    private func fault(_ body: () throws -> Void) -> Fault? {
        do {
            try body()
            return nil
        } catch { return error as? Fault }
    }

    // MARK: evaluate

    @Test func evaluateGivesTheDocumentedJSON() throws {
        let folder = try model()
        let file = try folder.write("news.txt", text)
        let report = try EvaluationRun(
            model: folder.path, against: folder.path, files: [.text(file)], context: 16, windows: 3,
            engine: try engine()
        ).measure(quiet)
        let json = try #require(try JSONValue(parsing: report.json.text()).objectValue)
        #expect(
            json.keys == [
                "model", "against", "perplexity", "divergence", "tokenizer_sha256", "environment", "date",
                "total_evaluation_time_seconds",
            ])
        let perplexity = try #require(json["perplexity"]?.objectValue?["news.txt"]?.objectValue)
        #expect(
            perplexity.keys == [
                "value", "tokens", "context", "windows", "tokens_sha256", "bytes", "bits_per_byte", "bos",
            ])
        #expect(perplexity["bos"]?.boolValue == false)
        // Bits over the bytes of what was scored: of each window all but the first token.
        let tokenizer = try OpenedModel(folder.path).tokenizer()
        let ids = tokenizer.encode(text, addSpecialTokens: false)
        let scored = stride(from: 0, to: 48, by: 16).map { start in
            tokenizer.decode(ids[start..<start + 16], skipSpecialTokens: false).utf8.count
                - tokenizer.decode([ids[start]], skipSpecialTokens: false).utf8.count
        }
        #expect(perplexity["bytes"]?.integerValue == scored.reduce(0, +))
        let bits = try log2(#require(perplexity["value"]?.doubleValue)) * 45 / Double(scored.reduce(0, +))
        #expect(abs(try #require(perplexity["bits_per_byte"]?.doubleValue) - bits) < 1e-9)
        #expect(perplexity["tokens"]?.integerValue == 45 && perplexity["windows"]?.integerValue == 3)
        #expect(try #require(perplexity["value"]?.doubleValue) > 1)
        let divergence = try #require(json["divergence"]?.objectValue?["news.txt"]?.objectValue)
        #expect(divergence["kl"]?.doubleValue == 0 && divergence["top1_agreement"]?.doubleValue == 1)
        #expect(
            json["environment"]?.objectValue?.keys == ["espalier", "torch", "threads", "device", "dtype", "cpu"])
        #expect(json["environment"]?.objectValue?["dtype"]?.stringValue == "float32")
        #expect(report.text.contains("news.txt") && report.text.contains("same top token"))
    }

    @Test func aTextAndItsTokensScoreTheSame() throws {
        let folder = try model()
        let file = try folder.write("news.txt", text)
        let ids = Array(text.utf8.prefix(4 * 16)).map(Int32.init)
        let writer = try SafetensorsWriter(
            folder.path + "/news.safetensors", [TensorDescription(name: "tokens", shape: [4, 16], type: .i32)])
        try writer.write("tokens", ids.withUnsafeBytes { Array($0) })
        _ = try writer.finish()
        let report = try EvaluationRun(
            model: folder.path, files: [.text(file), .tokens(folder.path + "/news.safetensors")], context: 16,
            windows: 4,
            engine: try engine()
        ).measure(quiet)
        #expect(report.files.map(\.name) == ["news.txt", "news.safetensors"])
        #expect(report.files[0].measurement.meanLoss == report.files[1].measurement.meanLoss)
    }

    @Test func windowsBeyondTheContextAreRefusedUnlessAskedForAndThenTheResultSaysSo() throws {
        let (folder, short) = (try model(), try model { $0.context = 16 })
        let file = try folder.write("news.txt", text)
        func run(_ context: Int?, against: String? = nil, beyond: Bool = false) throws -> EvaluationRun {
            EvaluationRun(
                model: folder.path, against: against, files: [.text(file)], context: context, isBeyondContext: beyond,
                windows: 1, engine: try engine())
        }
        _ = try run(64).measure(quiet)
        let found = fault { _ = try run(65).measure(quiet) }
        #expect(found?.kind == .usage && found?.place == "--context" && found?.found == "65 tokens")
        #expect(found?.expected == "at most 64, the model's context")
        #expect(found?.advice?.contains("--beyond-context") == true)
        // The shorter of two contexts bounds both, and the default is within it.
        #expect(fault { _ = try run(17, against: short.path).measure(quiet) }?.kind == .usage)
        #expect(try run(nil, against: short.path).measure(quiet).files[0].measurement.context == 16)

        let report = try run(65, beyond: true).measure(quiet)
        let figures = report.json.objectValue?["perplexity"]?.objectValue?["news.txt"]?.objectValue
        #expect(figures?["beyond_context"] == .bool(true) && figures?["model_context"] == .integer(64))
        #expect(report.text.contains("Windows are longer than the model's context of 64 tokens."))
        let within = try run(64, beyond: true).measure(quiet)
        #expect(within.exceededContext.isEmpty && !within.text.contains("longer"))

        let writer = try SafetensorsWriter(
            folder.path + "/t.safetensors", [TensorDescription(name: "tokens", shape: [1, 65], type: .i32)])
        try writer.write("tokens", [Int32](repeating: 7, count: 65).withUnsafeBytes { Array($0) })
        _ = try writer.finish()
        func rows(_ beyond: Bool) throws -> EvaluationRun {
            EvaluationRun(
                model: folder.path, files: [.tokens(folder.path + "/t.safetensors")], isBeyondContext: beyond,
                engine: try engine())
        }
        let long = fault { _ = try rows(false).measure(quiet) }
        #expect(long?.kind == .badData && long?.file == folder.path + "/t.safetensors" && long?.found == "65 tokens")
        #expect(try rows(true).measure(quiet).exceededContext == ["t.safetensors": 64])
    }

    @Test func calibrationBeyondTheContextIsRefusedByRunAndPlan() throws {
        let folder = try model()
        let file = try folder.write("news.txt", text)
        var recipe = PruneRecipe()
        (recipe.model, recipe.samples, recipe.sequenceLength) = (folder.path, 1, 65)
        (recipe.device, recipe.dtype, recipe.threads) = (.cpu, .float32, 1)
        let plan = recipe
        recipe.calibration = [file]
        for found in [
            fault { _ = try PrunePreparation(try recipe.resolved(), reporter: quiet) },
            fault { _ = try Plan.making(try plan.planSettings(), reporter: quiet) },
        ] {
            #expect(found?.kind == .usage && found?.place == "--sequence-length" && found?.expected == "at most 64")
        }
    }

    @Test func aNameOnAHubBringsTheCommandThatDownloadsIt() throws {
        let name = "Owner-Nobody/Tiny_Model-0.5B"
        for found in [
            fault { _ = try Inspection(name, readsWeights: false, reporter: quiet) },
            fault { _ = try PublishedFolder(name, reporter: quiet) },
            fault { _ = try EvaluationRun(model: name, files: [.text("t")], engine: try engine()).measure(quiet) },
            fault {
                var recipe = PruneRecipe()
                (recipe.model, recipe.method) = (name, "magnitude")
                _ = try Plan.making(try recipe.planSettings(), reporter: quiet)
            },
        ] {
            #expect(found?.kind == .missingInput && found?.found?.contains("model on a hub") == true)
            #expect(found?.advice?.hasSuffix("hf download \(name) --local-dir Tiny_Model-0.5B") == true)
        }
    }

    @Test func filesOfOneNameKeepTheirPaths() throws {
        let (folder, other) = (try model(), try TemporaryFolder())
        let files = [try folder.write("a.txt", text), try other.write("a.txt", text)]
        let report = try EvaluationRun(
            model: folder.path, files: files.map { .text($0) }, context: 16, windows: 1, engine: try engine()
        ).measure(quiet)
        #expect(report.files.map(\.name) == files)
    }

    @Test func textsThatCannotBeScoredAreNamed() throws {
        let folder = try model()
        let short = try folder.write("short.txt", "tiny")
        let empty = try folder.write("empty.txt", "")
        let latin = try folder.write("latin.txt", [0x63, 0x61, 0x66, 0xE9])
        func found(_ path: String) throws -> Fault? {
            let run = EvaluationRun(model: folder.path, files: [.text(path)], context: 16, engine: try engine())
            return fault { _ = try run.measure(quiet) }
        }
        #expect(try found(short)?.kind == .badData && found(short)?.file == short && found(short)?.found == "4 tokens")
        #expect(try found(empty)?.kind == .badData && found(empty)?.file == empty)
        #expect(try found(latin)?.kind == .badData && found(latin)?.file == latin)
        #expect(try found(folder.path + "/none.txt")?.kind == .missingInput)
    }

    @Test func aTokenFileWithIdsOutsideTheVocabularyIsRefused() throws {
        let folder = try model()
        let writer = try SafetensorsWriter(
            folder.path + "/t.safetensors", [TensorDescription(name: "tokens", shape: [1, 3], type: .i32)])
        try writer.write("tokens", [Int32(1), 300, 2].withUnsafeBytes { Array($0) })
        _ = try writer.finish()
        let run = EvaluationRun(
            model: folder.path, files: [.tokens(folder.path + "/t.safetensors")], engine: try engine())
        let found = fault { _ = try run.measure(quiet) }
        #expect(found?.kind == .badData && found?.found == "id 300")
    }

    @Test func aPerplexityThatIsNoNumberIsNullAndWarnedOf() throws {
        let folder = try model { $0.edit = { name, values in if name.contains("norm") { values[0] = .nan } } }
        let file = try folder.write("news.txt", text)
        var log = ""
        let reporter = ProgressReporter(
            surroundings: .init(
                isTerminal: false, style: Style(usesColour: false), width: { 80 }, clock: { 0 }, write: { log += $0 }))
        let report = try EvaluationRun(
            model: folder.path, files: [.text(file)], context: 16, windows: 1, engine: try engine()
        ).measure(reporter)
        #expect(report.json.text(pretty: false).contains("\"value\":null"))
        #expect(log.contains("warning: news.txt: the predictions are NaN or infinite"))
        #expect(report.text.contains("not a number"))
    }

    @Test func aModelWithoutATokenizerNeedsTokenFiles() throws {
        let folder = try model { $0.hasTokenizer = false }
        let file = try folder.write("news.txt", text)
        let run = EvaluationRun(model: folder.path, files: [.text(file)], engine: try engine())
        #expect(fault { _ = try run.measure(quiet) }?.kind == .missingInput)
    }

    @Test func aTokenizerLargerThanTheModelIsRefused() throws {
        let folder = try model { $0.vocabulary = 200 }
        let found = fault { _ = try OpenedModel(folder.path).tokenizer() }
        #expect(found?.kind == .badData && found?.found == "258 tokens" && found?.expected == "at most 200")
    }

    // MARK: generate

    @Test func anEmptyPromptStartsFromTheModelsBeginToken() throws {
        let folder = try model()
        var pieces: [String] = []
        let report = try GenerationRun(model: folder.path, prompt: "", maxTokens: 5, engine: try engine())
            .generate(quiet) { pieces.append($0) }
        #expect(report.promptIDs == [TinyModel.begin])
        #expect(report.text == pieces.joined() && report.ids.count <= 5)
        #expect(
            report.json.objectValue?.keys == [
                "model", "prompt", "text", "prompt_tokens", "prompt_ids", "tokens", "ids", "stop", "seconds",
                "environment",
            ])
    }

    @Test func anEmptyPromptWithoutABeginTokenIsRefused() throws {
        let folder = try model { $0.configuration = [("bos_token_id", .null)] }
        let run = GenerationRun(model: folder.path, prompt: "", maxTokens: 5, engine: try engine())
        let found = fault { _ = try run.generate(quiet) }
        #expect(found?.kind == .badData && found?.summary.contains("BOS") == true)
    }

    @Test func endTokensComeFromTheGenerationConfigurationFirst() throws {
        let folder = try model()
        try folder.write("generation_config.json", #"{"eos_token_id": [65, 66], "bos_token_id": 7}"#)
        let opened = try OpenedModel(folder.path)
        let special = try SpecialTokens(opened.checkpoint, tokenizer: try opened.tokenizer())
        #expect(special.end == [65, 66] && special.firstEnd == 65 && special.beginning == 7 && special.prefix.isEmpty)
        try folder.write("generation_config.json", #"{"eos_token_id": "</s>"}"#)
        let again = try OpenedModel(folder.path)
        let found = fault { _ = try SpecialTokens(again.checkpoint, tokenizer: try again.tokenizer()) }
        #expect(found?.kind == .badData && found?.place == "key 'eos_token_id'")
    }

    @Test func aPromptThatFillsTheContextIsRefused() throws {
        let folder = try model { $0.context = 8 }
        let run = GenerationRun(model: folder.path, prompt: "longer than that", maxTokens: 1, engine: try engine())
        #expect(fault { _ = try run.generate(quiet) }?.kind == .badData)
        let short = try GenerationRun(model: folder.path, prompt: "short", maxTokens: 50, engine: try engine())
            .generate(quiet)
        #expect(short.promptIDs.count + short.ids.count <= 9)
    }

    @Test(.enabled(if: TestData.path("models/stories260K") != nil)) func aTrainedModelWritesItsKnownStory() throws {
        let folder = try #require(TestData.path("models/stories260K"))
        let report = try GenerationRun(model: folder + "/hf", prompt: "", maxTokens: 256, engine: try engine())
            .generate(quiet)
        #expect(report.text == String(decoding: try ReadableFile.bytes(folder + "/greedy-256.txt"), as: UTF8.self))
        #expect(report.ids.count == 256)
    }

    @Test func aDeviceThatIsNotThereIsNamed() {
        let found = fault { _ = try EngineSettings(threads: 1, device: .cuda(100), dtype: .auto) }
        #expect(found?.kind == .deviceUnavailable && found?.advice?.contains("--device") == true)
    }

    @Test(.enabled(if: !Processor.hasGPU)) func aGPUThatCannotBeUsedIsToldBeforeTheProcessorStepsIn() throws {
        let engine = try EngineSettings(threads: 1, device: .auto, dtype: .float32, hasGPU: true)
        #expect(engine.device == .cpu)
        #expect(engine.warnings.count == 1 && engine.warnings[0].contains("computing on the processor"))
        #expect(try EngineSettings(threads: 1, device: .auto, dtype: .float32, hasGPU: false).warnings.isEmpty)
    }

    // MARK: outputs

    @Test func resultsReplaceAFileAsAWhole() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("results.json", "old and longer than the new one")
        try OutputTarget(path).write("new")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["results.json"])
    }

    @Test func anOutputThatCannotBeWrittenIsToldBeforeTheWork() throws {
        let folder = try TemporaryFolder()
        #expect(fault { _ = try OutputTarget(folder.path + "/none/results.json") }?.kind == .inputOutput)
        #expect(fault { _ = try OutputTarget(folder.path) }?.kind == .inputOutput)
        let text = try folder.write("text.txt", "text")
        var command = try Evaluate.parse(["model", "--text", text, "--output", text])
        #expect(fault { try command.run() }?.kind == .usage)
    }

    @Test func namesWithSpacesAndOtherScriptsWork() throws {
        let folder = try model()
        let file = try folder.write("näme 日本 \"q\".txt", text)
        let report = try EvaluationRun(
            model: folder.path, files: [.text(file)], context: 16, windows: 1, engine: try engine()
        ).measure(quiet)
        let json = try JSONValue(parsing: report.json.text())
        #expect(json.objectValue?["perplexity"]?.objectValue?.keys == ["näme 日本 \"q\".txt"])
    }

    // MARK: a configuration alone

    @Test func onlyPlanTakesAConfigurationAlone() throws {
        let folder = try TemporaryFolder()
        try folder.write("config.json", LargeModel.configuration)
        let file = try folder.write("news.txt", text)
        var recipe = PruneRecipe()
        (recipe.model, recipe.method, recipe.output) = (folder.path, "magnitude", folder.path + "-out")
        (recipe.device, recipe.dtype, recipe.threads) = (.cpu, .float32, 1)
        let settings = try recipe.planSettings()
        let faults = [
            fault { _ = try PrunePreparation(settings, reporter: quiet) },
            fault { _ = try Inspection(folder.path, readsWeights: false, reporter: quiet) },
            fault {
                _ = try EvaluationRun(model: folder.path, files: [.text(file)], engine: try engine()).measure(quiet)
            },
            fault {
                _ = try GenerationRun(model: folder.path, prompt: "", maxTokens: 1, engine: try engine())
                    .generate(quiet)
            },
        ]
        for found in faults {
            #expect(found?.kind == .missingInput && found?.summary.contains("no model.safetensors") == true)
            #expect(found?.advice?.contains("espalier plan") == true)
        }
        // Text that is there still needs a tokenizer.
        recipe.calibration = [file]
        let calibrated = try recipe.planSettings()
        #expect(fault { _ = try Plan.making(calibrated, reporter: quiet) }?.summary.contains("tokenizer") == true)
    }

    @Test func aPlanOfAConfigurationAloneSaysSo() throws {
        let folder = try model()
        try FileManager.default.removeItem(atPath: folder.path + "/model.safetensors")
        let file = try folder.write("news.txt", text)
        var recipe = PruneRecipe()
        (recipe.model, recipe.samples, recipe.sequenceLength) = (folder.path, 8, 16)
        (recipe.device, recipe.dtype, recipe.threads) = (.cpu, .float32, 1)
        for calibration in [nil, [file]] {
            recipe.calibration = calibration
            let plan = try Plan.making(try recipe.planSettings(), reporter: quiet)
            let text = PlanText.text(plan)
            #expect(text.contains("parameters by config.json") && text.contains("there are no weights"))
            #expect(text.contains("(assumed)") == (calibration == nil))
        }
    }

    // MARK: models whose layers differ

    @Test func everyVerbOpensACompactModel() throws {
        let folder = try model { $0.layers = 3 }
        let file = try folder.write("news.txt", text)
        var recipe = PruneRecipe()
        let place = try TemporaryFolder()
        let compact = place.path + "/compact"
        (recipe.model, recipe.output) = (folder.path, compact)
        (recipe.method, recipe.effort, recipe.sparsity) = ("tyr", .quick, try Sparsity(0.6))
        (recipe.calibration, recipe.samples, recipe.sequenceLength) = ([file], 8, 16)
        (recipe.device, recipe.dtype, recipe.threads) = (.cpu, .float32, 1)
        let context = try PrunePreparation(try recipe.resolved(), reporter: quiet).context
        let result = try PruneRun(context).start()
        let layers = try #require(result.structure).layers
        #expect(RunSummary.text(result).contains("opens in"))

        let inspection = try Inspection(compact, readsWeights: true, reporter: quiet)
        #expect(inspection.configuration.layers == layers)
        let left = inspection.linears.reduce(0) { $0 + $1.parameters }
        // Beside the linears there are the embedding and the norms.
        #expect(left < result.parametersAfter && left > result.parametersAfter - 258 * 16 - 16 * 7 - 1)
        #expect(try PublishedFolder(compact, reporter: quiet).text.contains("verified"))
        let report = try EvaluationRun(
            model: compact, against: folder.path, files: [.text(file)], context: 16, windows: 3, engine: try engine()
        ).measure(quiet)
        #expect(report.text.contains("news.txt"))
        let generated = try GenerationRun(model: compact, prompt: "The ", maxTokens: 5, engine: try engine())
            .generate(quiet)
        #expect(generated.prompt == "The ")
        if !inspection.configuration.isUniform {
            #expect(inspection.text.contains(" to "))
            #expect(inspection.json.objectValue?["layers"]?.arrayValue?.count == 3)
        }
    }
}
