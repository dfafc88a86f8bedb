import ArgumentParser
import Checkpoints
import Faults
import Foundation
import JSONText
import Randomness
import Recipes
import Runs
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// What `prune`, `plan` and `evaluate` make of the texts that people have.
struct CalibrationVerbTests {
    private func engine() throws -> EngineSettings { try EngineSettings(threads: 1, device: .cpu, dtype: .float32) }

    /// A reporter that remembers its warnings.
    private final class Heard {
        var text = ""
        var reporter: ProgressReporter {
            ProgressReporter(
                level: .quiet,
                surroundings: .init(
                    isTerminal: false, style: Style(usesColour: false), width: { 80 }, clock: { 0 },
                    write: { self.text += $0 }))
        }
    }

    /// Words of one letter, so that many fit into a window of 64 bytes.
    private func words(_ count: Int, seed: UInt64) -> String {
        var generator = SplitMix64(seed: seed)
        return (0..<count).map { _ in String(UnicodeScalar(UInt8(97 + generator.next() % 26))) }.joined(separator: " ")
    }

    private func fault(_ body: () throws -> Void) -> Fault? {
        do {
            try body()
            return nil
        } catch { return error as? Fault }
    }

    private func prepared(
        _ words: [String], _ reporter: ProgressReporter = quiet
    ) throws -> PruneContext {
        let arguments = try PruneArguments.parse(
            words + ["--method", "wanda", "--device", "cpu", "--dtype", "float32", "--threads", "1"])
        return try PrunePreparation(try arguments.recipe(overwrite: false).resolved(), reporter: reporter).context
    }

    /// A model can write its own calibration text without a tokenizer, but not as well; nobody may take one for the
    /// other.
    @Test func aTokenizerThatIsRefusedIsToldWhereTheWorkGoesOnWithoutIt() throws {
        let folder = try model()
        let words = [folder.path, "--calibration", "self", "--samples", "2", "--sequence-length", "8"]
        let (sound, refused, none) = (Heard(), Heard(), Heard())
        _ = try prepared(words, sound.reporter)
        try folder.write("tokenizer.json", #"{"model": {"type": "WordPiece"}}"#)
        _ = try prepared(words, refused.reporter)
        #expect(!sound.text.contains("tokenizer"))
        #expect(refused.text.contains("tokenizer.json: the tokenizer cannot be used"))
        #expect(refused.text.contains("begins with any token"))
        let bare = try model { $0.hasTokenizer = false }
        _ = try prepared([bare.path] + words.dropFirst(), none.reporter)
        #expect(!none.text.contains("cannot be used"))
    }

    @Test func aReportThatCannotBeReadLeavesNoOverlapUntold() throws {
        let folder = try model()
        let ids = (0..<64).map { Int32($0) }
        let tokens = folder.path + "/tokens.safetensors"
        let writer = try SafetensorsWriter(tokens, [TensorDescription(name: "tokens", shape: [4, 16], type: .i32)])
        try writer.write("tokens", ids.withUnsafeBytes { Array($0) })
        _ = try writer.finish()
        func told() throws -> String {
            let heard = Heard()
            _ = try EvaluationRun(model: folder.path, files: [.tokens(tokens)], context: 16, engine: try engine())
                .measure(heard.reporter)
            return heard.text
        }
        #expect(try !told().contains("calibrated"))
        try folder.write("report.json", "{\"calibration\": {")
        #expect(try told().contains("not known whether the evaluated text was used"))
    }

    @Test func overlapWithEvaluationTextsIsToldBeforeTheWorkAndAgainWhenTheModelIsEvaluated() throws {
        let folder = try model()
        let parent = try TemporaryFolder()
        let text = words(800, seed: 1)
        let calibration = try parent.write("calibration.txt", text)
        let known = try parent.write("known.txt", String(text.dropFirst(400).prefix(800)))
        let other = try parent.write("other.txt", words(400, seed: 2))
        let heard = Heard()
        let output = parent.path + "/out"
        let context = try prepared(
            [
                folder.path, "--output", output, "--calibration", calibration, "--samples", "24", "--sequence-length",
                "64",
                "--evaluation", known, "--evaluation", other,
            ], heard.reporter)
        #expect(heard.text.contains("different runs of 13 words") && heard.text.contains("known.txt"))
        #expect(!heard.text.contains("other.txt"))
        let entries = try #require(context.calibration?.manifest["overlap"]?.arrayValue).map(\.objectValue)
        #expect(entries[0]?["found"]?.integerValue ?? 0 > 100 && entries[1]?["found"]?.integerValue == 0)
        _ = try PruneRun(context).start()

        let again = Heard()
        let logged = try folder.write(
            "log.jsonl", "{\"text\": \"\(text.dropFirst(100).prefix(60))\"}\n{\"text\": \"\(words(25, seed: 3))\"}\n")
        let report = try EvaluationRun(
            model: output, against: folder.path, files: [.text(known), .text(other)],
            prompts: PromptSettings(files: [logged], differences: 0), engine: try engine()
        ).measure(again.reporter)
        let overlap = try #require(report.json.objectValue?["calibration_overlap"]?.objectValue)
        #expect(overlap.keys == ["known.txt", "other.txt", "log.jsonl"])
        let found = try #require(overlap["known.txt"]?.objectValue)
        #expect(found["one_in"]?.integerValue == 16 && found["found"]?.integerValue ?? 0 > 5)
        #expect(overlap["other.txt"]?.objectValue?["found"]?.integerValue == 0)
        #expect(again.text.contains("sampled runs of 13 words") && again.text.contains("of known.txt are also in"))
        #expect(!again.text.contains("other.txt"))
        // The manifest holds no word of the text.
        let manifest = String(decoding: try ReadableFile.bytes(output + "/report.json"), as: UTF8.self)
        #expect(!manifest.contains(text.prefix(26)))
        // The dense model has no sketch.
        let dense = try EvaluationRun(model: folder.path, files: [.text(known)], engine: try engine()).measure(quiet)
        #expect(dense.json.objectValue?["calibration_overlap"] == nil)
    }

    @Test func tokenFilesAreComparedByTheirWordsOrWithoutATokenizerByTheirIDs() throws {
        let bytes = Array(words(1600, seed: 4).utf8.prefix(32 * 64)).map(Int32.init)
        for hasTokenizer in [true, false] {
            let folder = try model { $0.hasTokenizer = hasTokenizer }
            let path = folder.path + "/t.safetensors"
            let writer = try SafetensorsWriter(path, [TensorDescription(name: "tokens", shape: [32, 64], type: .i32)])
            try writer.write("tokens", bytes.withUnsafeBytes { Array($0) })
            _ = try writer.finish()
            let parent = try TemporaryFolder()
            let output = parent.path + "/out"
            let context = try prepared([folder.path, "--output", output, "--calibration", path, "--samples", "32"])
            _ = try PruneRun(context).start()
            let report = try EvaluationRun(model: output, files: [.tokens(path)], engine: try engine()).measure(quiet)
            let overlap = try #require(report.overlaps.first?.overlap)
            #expect(overlap.level == (hasTokenizer ? .words : .tokens))
            #expect(overlap.found == overlap.total && overlap.total > 10)
        }
    }

    @Test func tasksThatTheModelWasCalibratedOnAreWarnedOf() throws {
        let folder = try model()
        let text = words(800, seed: 5)
        let parent = try TemporaryFolder()
        let output = parent.path + "/out"
        let context = try prepared([
            folder.path, "--output", output, "--calibration", try folder.write("calibration.txt", text), "--samples",
            "24",
            "--sequence-length", "64",
        ])
        _ = try PruneRun(context).start()
        let items = (0..<16).map {
            "{\"q\": \"\(text.dropFirst(80 * $0).prefix(50))\", \"a\": \"x\", \"b\": \"y\", \"gold\": 0}"
        }
        try folder.write("items.jsonl", items.joined(separator: "\n"))
        let task = try folder.write(
            "task.yaml",
            "name: letters\ndata: items.jsonl\nprompt: \"{{q}}\"\nchoices: [\"{{a}}\", \"{{b}}\"]\nanswer: gold\n")
        var settings = TaskSettings()
        settings.files = [task]
        let heard = Heard()
        let report = try EvaluationRun(model: output, files: [], tasks: settings, engine: try engine())
            .measure(heard.reporter)
        #expect(report.overlaps.first?.name == "letters" && report.overlaps.first?.overlap.found ?? 0 > 0)
        #expect(heard.text.contains("of letters are also in"))
    }

    @Test func recordsAreScoredAsTheTextThatTheyMake() throws {
        let folder = try model()
        let plain = try folder.write("plain.txt", "one two three\n\nfour \"five\"\n\n\n\nsix")
        let text =
            #"{"text": "one two three"}"# + "\n" + #"{"text": "four \"five\"", "x": NaN}"# + "\n{\"text\": \"\"}\n"
            + #"{"text": "six"}"#
        let lines = try folder.write("lines.ndjson", text)
        let array = try folder.write("array.json", "[\(text.replacing("}\n", with: "},\n"))]")
        let field = try folder.write("field.jsonl", text.replacing("\"text\"", with: "\"body\""))
        func run(_ path: String, _ field: String? = nil) throws -> EvaluationReport {
            try EvaluationRun(
                model: folder.path, files: [.text(path)], context: 8, textField: field, engine: try engine()
            ).measure(quiet)
        }
        let expected = try run(plain)
        for (path, name) in [(lines, nil), (array, nil), (field, "body")] as [(String, String?)] {
            let found = try run(path, name)
            #expect(found.files[0].measurement.meanLoss == expected.files[0].measurement.meanLoss)
            #expect(found.tokenDigests.values.first == expected.tokenDigests.values.first)
        }
        let odd = try folder.write("odd.json", "{\n \"text\": 1\n}")
        let found = fault { _ = try run(odd) }
        #expect(found?.kind == .badData && found?.advice?.contains(".txt") == true)
    }

    @Test func aFieldIsReadFromCalibrationTextsAndLogs() throws {
        let folder = try model()
        let body = String(repeating: "the words of it ", count: 8)
        let records = try folder.write("r.jsonl", "{\"body\": \"\(body)\", \"text\": 3}\n")
        let plain = try folder.write("p.txt", body)
        func tokens(_ words: [String]) throws -> String? {
            try prepared([folder.path, "--samples", "2", "--sequence-length", "32"] + words)
                .calibration?.manifest["tokens_sha256"]?.stringValue
        }
        #expect(
            try tokens(["--calibration", records, "--text-field", "body"]) == tokens(["--calibration", plain]))
        let recipe = try PruneRecipe(
            yaml: "version: 1\ncalibration: {sources: [\(records)], text_field: body, evaluation: [\(plain)]}")
        #expect(recipe.textField == "body" && recipe.evaluation == [plain])
        #expect(try PruneRecipe(yaml: recipe.yaml()) == recipe)
        let report = try EvaluationRun(
            model: folder.path, against: folder.path, files: [],
            prompts: PromptSettings(files: [records], differences: 0),
            textField: "body", engine: try engine()
        ).measure(quiet)
        #expect(report.prompts?.logs.count == 1)
        let reference = folder.path + "/ref.safetensors"
        let written = try WatchRun(model: folder.path, textField: "body", engine: try engine()).writeReference(
            to: reference, prompts: records, topCount: 4, quiet)
        #expect(written.reference.prompts.count == 1)
    }

    @Test func turnsAreCountedAsTheTokenizerCutsThem() throws {
        let folder = try model()
        let record = #"{"prompt":"the words ","completion":"of it"}"# + "\n"
        let lines = try folder.write("l.jsonl", String(repeating: record, count: 40))
        let plain = try folder.write("p.txt", words(400, seed: 6))
        func context(_ sources: [String], _ turns: CountedTurns = .assistant) throws -> RecoverContext {
            var recipe = RecoverRecipe()
            recipe.model = folder.path
            recipe.loss = .lm
            recipe.turns = turns
            recipe.calibration = sources
            (recipe.samples, recipe.sequenceLength, recipe.heldOut) = (8, 16, 2)
            (recipe.device, recipe.dtype, recipe.threads) = (.cpu, .float32, 1)
            return try RecoverPreparation(try recipe.resolved(), reporter: quiet).context
        }
        let found = try context([lines])
        let counted = try #require(found.counted)
        let tokenizer = try OpenedModel(folder.path, device: .cpu).tokenizer()
        let text = (0..<8).map { row in
            tokenizer.decode(zip(found.tokens[row], counted[row]).filter(\.1).map(\.0), skipSpecialTokens: true)
        }.joined()
        #expect(text.contains("of itof it") && !text.contains("words"))
        #expect(found.countedShare > 0.2 && found.countedShare < 0.6)
        #expect(try context([lines], .all).counted == nil)
        #expect(try context([lines, plain]).counted?.rows == 8)
        let refused = fault { _ = try context([plain]) }
        #expect(refused?.kind == .usage && refused?.place == "--turns")
    }

    @Test func optionsThatHaveNoUseAreRefused() throws {
        let folder = try model()
        let plain = try folder.write("p.txt", words(100, seed: 6))
        #expect(
            fault { _ = try prepared([folder.path, "--calibration", plain, "--text-field", "body"]) }?.kind == .usage)
        #expect(
            fault { _ = try prepared([folder.path, "--calibration", "self", "--text-field", "body"]) }?.kind == .usage)
        let lines = try folder.write("l.jsonl", #"{"body": "a text", "text": ""}"#)
        let both = ["--sequence-length", "8", "--evaluation", lines, "--text-field", "body"]
        #expect(fault { _ = try prepared([folder.path, "--calibration", plain] + both) } == nil)
        let skipped = fault { _ = try prepared([folder.path, "--calibration", plain, "--skip-bad-lines", "3"]) }
        #expect(skipped?.kind == .usage && skipped?.place == "--skip-bad-lines")
        let plan = try PruneArguments.parse([folder.path, "--evaluation", plain]).recipe(overwrite: false)
        #expect(fault { _ = try plan.planSettings() }?.place == "--evaluation")
        #expect(throws: (any Error).self) { try Evaluate.parse([folder.path, "--text", plain, "--text-field", "x"]) }
        #expect(throws: Never.self) { try Evaluate.parse([folder.path, "--text", "a.jsonl", "--text-field", "x"]) }
        #expect(throws: (any Error).self) {
            try WatchCommand.parse([folder.path, "--reference", "r", "--history", "h", "--text-field", "x"])
        }
    }

    @Test func embeddingsWithoutATokenAreCounted() throws {
        let folder = try model { $0.vocabulary = 264 }
        let summary = try TokenizerSummary(try OpenedModel(folder.path))
        #expect(summary.unusedRows == 6 && summary.text.contains("6 rows of the embedding have no token"))
        let plain = try model()
        #expect(try TokenizerSummary(try OpenedModel(plain.path)).unusedRows == 0)
        // Two tokens beside the vocabulary, as published models have that were never trained on them.
        let short = try model { $0.vocabulary = 256 }
        let fewer = try TokenizerSummary(try OpenedModel(short.path))
        #expect(fewer.unusedRows == 0 && fewer.tokensWithoutRow == 2)
        #expect(fewer.text.hasSuffix("; 2 tokens have no row of the embedding") && !fewer.text.contains("rows of"))
    }
}
