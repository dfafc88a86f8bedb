import Evaluation
import Faults
import Foundation
import JSONText
import TestSupport
import Testing
import Torch

@testable import EspalierCommands
@testable import EspalierKit

/// `espalier evaluate --prompts` on models of a few thousand weights.
struct PromptVerbTests {
    private let log = """
        {"prompt": "The capital of France", "completion": " is Paris."}
        {"text": "A line of text to be scored."}

        {"prompt": "Short", "user": 7}
        {"prompt": "", "completion": "From nothing"}
        {"prompt": "x"}

        """

    private func engine() throws -> EngineSettings { try EngineSettings(threads: 1, device: .cpu, dtype: .float32) }

    private func prunedModel() throws -> TemporaryFolder {
        try model {
            $0.edit = { name, values in
                guard name.contains("mlp") else { return }
                for index in values.indices where index % 2 == 0 { values[index] = 0 }
            }
        }
    }

    private func compare(
        _ model: TemporaryFolder, _ dense: TemporaryFolder, _ files: [String], differences: Int = 10,
        _ reporter: ProgressReporter = quiet
    ) throws -> EvaluationReport {
        try EvaluationRun(
            model: model.path, against: dense.path, files: [],
            prompts: PromptSettings(files: files, differences: differences, continuation: 6), engine: try engine()
        ).measure(reporter)
    }

    private func fault(_ body: () throws -> Void) -> Fault? {
        do {
            try body()
            return nil
        } catch { return error as? Fault }
    }

    @Test func theDocumentTellsTotalsAndTheMostDifferentPrompts() throws {
        let (dense, pruned, folder) = (try model(), try prunedModel(), try TemporaryFolder())
        let file = try folder.write("log.jsonl", log)
        let report = try compare(pruned, dense, [file], differences: 3)
        let json = try #require(try JSONValue(parsing: report.json.text()).objectValue)
        #expect(
            json.keys == [
                "model", "against", "perplexity", "divergence", "prompts", "samples", "tokenizer_sha256", "environment",
                "date", "total_evaluation_time_seconds",
            ])
        let total = try #require(json["prompts"]?.objectValue?["log.jsonl"]?.objectValue)
        #expect(
            total.keys == [
                "prompts", "tokens", "kl", "top1_agreement", "perplexity", "against_perplexity", "perplexity_ratio",
                "cut", "left_out", "tokens_sha256",
            ])
        // A prompt's first token is given where no completion follows it; "x" has no other.
        #expect(total["prompts"]?.integerValue == 4 && total["left_out"]?.integerValue == 1)
        #expect(total["tokens"]?.integerValue == 10 + 27 + 4 + 11)
        let (found, of) = (total["perplexity"]?.doubleValue ?? 0, total["against_perplexity"]?.doubleValue ?? 1)
        #expect(abs((total["perplexity_ratio"]?.doubleValue ?? 0) - found / of) < 1e-9)
        let samples = try #require(json["samples"]?.arrayValue).compactMap(\.objectValue)
        #expect(samples.count == 3)
        #expect(
            samples[0].keys == [
                "prompt", "dense", "pruned", "kl", "file", "line", "first_difference", "dense_stop", "pruned_stop",
                "completion", "tokens", "top1_agreement", "perplexity", "against_perplexity",
            ])
        let divergences = samples.compactMap { $0["kl"]?.doubleValue }
        #expect(divergences.count == 3 && divergences == divergences.sorted(by: >) && divergences[2] > 1e-3)
        #expect(samples.allSatisfy { $0["file"]?.stringValue == "log.jsonl" })
        for sample in samples {
            let line = try #require(sample["line"]?.integerValue)
            let entry = try JSONValue(
                parsing: String(log.split(separator: "\n", omittingEmptySubsequences: false)[line - 1])
            ).objectValue
            #expect((entry?["prompt"] ?? entry?["text"]) == sample["prompt"])
            #expect((entry?["completion"] ?? .null) == sample["completion"])
        }
    }

    @Test func aLogOfOneTextIsThatText() throws {
        let (dense, pruned, folder) = (try model(), try prunedModel(), try TemporaryFolder())
        let text = String(repeating: "The quick brown fox. ", count: 3)
        let report = try EvaluationRun(
            model: pruned.path, against: dense.path, files: [.text(try folder.write("t.txt", text))],
            context: text.utf8.count,
            prompts: PromptSettings(
                files: [try folder.write("t.jsonl", "{\"text\": \"\(text)\"}\n")], differences: .max, continuation: .max
            ),
            engine: try engine()
        ).measure(quiet)
        let (whole, logged) = (report.files[0].measurement, try #require(report.prompts).logs[0].total)
        #expect(abs(whole.meanLoss - logged.meanLoss) < 1e-6)
        #expect(abs(try #require(whole.divergence).kl - logged.divergence.kl) < 1e-6)
        #expect(whole.divergence?.topAgreement == logged.divergence.topAgreement)
        // 63 of 64 positions are taken: one token is left for what comes next.
        let sample = try #require(report.prompts?.samples.first)
        #expect(sample.dense.ids.count <= 2 && [.context, .endToken].contains(sample.dense.stop))
        let ratio = report.json.objectValue?["divergence"]?.objectValue?["t.txt"]?.objectValue?["perplexity_ratio"]
        #expect(abs(try #require(ratio?.doubleValue) - logged.perplexityRatio) < 1e-5)
    }

    @Test func continuationsAreThoseOfGenerate() throws {
        let (dense, pruned, folder) = (try model(), try prunedModel(), try TemporaryFolder())
        let report = try compare(pruned, dense, [try folder.write("log.jsonl", log)])
        let samples = try #require(report.prompts).samples
        #expect(samples.count == 4)
        for sample in samples {
            for (folder, found) in [(dense, sample.dense), (pruned, sample.pruned)] {
                let written = try GenerationRun(
                    model: folder.path, prompt: sample.prompt, maxTokens: 6, engine: try engine()
                ).generate(quiet)
                #expect(found == .init(text: written.text, ids: written.ids, stop: written.stop))
            }
        }
    }

    @Test func aModelDoesNotDifferFromItself() throws {
        let (dense, folder) = (try model(), try TemporaryFolder())
        let files = [try folder.write("a.jsonl", log), try folder.write("b.jsonl", "{\"text\": \"one more\"}")]
        let report = try compare(dense, dense, files, differences: 2)
        let prompts = try #require(report.prompts)
        #expect(prompts.logs.map(\.name) == ["a.jsonl", "b.jsonl"] && prompts.samples.count == 2)
        #expect(prompts.logs.allSatisfy { $0.total.divergence.kl == 0 && $0.total.perplexityRatio == 1 })
        #expect(prompts.samples.allSatisfy { $0.firstDifference == nil })
        #expect(prompts.samples[0].json.objectValue?["first_difference"]?.isNull == true)
        #expect(report.text.contains("(the same)") && report.text.contains("a.jsonl"))
    }

    @Test func withoutDifferencesNothingIsWritten() throws {
        let (dense, pruned, folder) = (try model(), try prunedModel(), try TemporaryFolder())
        let report = try compare(pruned, dense, [try folder.write("log.jsonl", log)], differences: 0)
        #expect(report.json.objectValue?["samples"]?.arrayValue?.isEmpty == true)
        #expect(!report.text.contains("next") && report.text.contains("log.jsonl"))
    }

    @Test func promptsBeyondTheContextAreCutAndCounted() throws {
        let (dense, pruned, folder) = (try model { $0.context = 32 }, try prunedModel(), try TemporaryFolder())
        let long = String(repeating: "long ", count: 20)
        let file = try folder.write(
            "log.jsonl", "{\"text\": \"\(long)\"}\n{\"prompt\": \"\(long)\", \"completion\": \"lost\"}\n")
        let report = try #require(try compare(pruned, dense, [file]).prompts)
        let found = report.logs[0]
        #expect(found.prompts == 1 && found.cut == 2 && found.dropped == 1 && found.total.tokens == 31)
        #expect(report.samples[0].dense.stop != .length && report.samples[0].dense.ids.count <= 1)
    }

    @Test func conversationsAreRenderedAsTheModelMeetsThem() throws {
        let (dense, pruned, folder) = (try model(), try prunedModel(), try TemporaryFolder())
        let template = """
            {% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + \
            '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
            """
        for folder in [dense, pruned] {
            let settings = JSONValue.object(["chat_template": .string(template)])
            try folder.write("tokenizer_config.json", settings.text())
        }
        let question = "{\"role\": \"user\", \"content\": \"2?\"}"
        let rendered = "<|im_start|>user\n2?<|im_end|>\n<|im_start|>assistant\n"
        let file = try folder.write(
            "chat.jsonl",
            """
            {"messages": [\(question), {"role": "assistant", "content": "two"}]}
            {"messages": [\(question)], "completion": "two"}
            \(JSONValue.object(["prompt": .string(rendered), "completion": .string("two")]).text(pretty: false))

            """)
        let samples = try #require(try compare(pruned, dense, [file]).prompts).samples
        #expect(samples.map(\.line) == [1, 2, 3])
        #expect(samples.allSatisfy { $0.prompt == rendered && $0.completion == "two" && $0.score == samples[0].score })
        #expect(samples[0].score.tokens == 3)
        let wrong = try folder.write("wrong.jsonl", "\n{\"messages\": [{\"role\": \"tool\", \"content\": \"x\"}]}\n")
        let found = fault { _ = try compare(pruned, dense, [wrong]) }
        #expect(found?.kind == .badData && found?.file == wrong && found?.place == "line 2" && found?.found == "tool")
        // Without a template.
        let plain = fault { _ = try compare(try model(), dense, [file]) }
        #expect(plain?.place == "line 1" && plain?.summary.contains("no chat template") == true)
    }

    @Test func predictionsThatAreNoNumbersComeFirstAndAreNull() throws {
        let folder = try TemporaryFolder()
        // A prompt with this letter alone is spoilt.
        let broken = try model {
            $0.tied = false
            $0.edit = { name, values in if name.contains("embed_tokens") { values[Int(UInt8(ascii: "Z")) * 16] = .nan }
            }
        }
        let sound = try model { $0.tied = false }
        let file = try folder.write(
            "log.jsonl", "{\"text\": \"all is well\"}\n{\"text\": \"Zero\"}\n{\"text\": \"well again\"}\n")
        var said = ""
        let reporter = ProgressReporter(
            surroundings: .init(
                isTerminal: false, style: Style(usesColour: false), width: { 80 }, clock: { 0 }, write: { said += $0 }))
        let report = try compare(broken, sound, [file], differences: 2, reporter)
        let samples = try #require(report.prompts).samples
        #expect(samples.map(\.line) == [2, 1] && samples[0].pruned.stop == .notANumber)
        #expect(samples[0].firstDifference == 0 && samples[1].firstDifference == nil)
        let json = try #require(try JSONValue(parsing: report.json.text()).objectValue)
        let total = json["prompts"]?.objectValue?["log.jsonl"]?.objectValue
        for key in ["kl", "top1_agreement", "perplexity", "perplexity_ratio"] {
            #expect(total?[key]?.isNull == true, "\(key)")
        }
        #expect(total?["against_perplexity"]?.doubleValue != nil)
        #expect(json["samples"]?.arrayValue?[0].objectValue?["kl"]?.isNull == true)
        #expect(said.contains("log.jsonl: the predictions for 1 prompt are NaN or infinite"))
        #expect(report.text.contains("KL not a number") && report.text.contains("the predictions are NaN or infinite"))
        // Both models spoilt: nothing to compare, and no crash.
        #expect(try compare(broken, broken, [file]).prompts?.samples[0].firstDifference == nil)
    }

    @Test func whatAPromptHoldsCannotHarmATerminal() throws {
        let (dense, pruned, folder) = (try model(), try prunedModel(), try TemporaryFolder())
        let hostile = "\u{1B}[2J\r\u{7}\u{9B}31m\"}\\\n1. other.jsonl, line 9: KL 0"
        let line = JSONValue.object(["prompt": .string(hostile), "completion": .string("\u{1B}]0;title\u{7}")])
        let name = "a\u{1B}[1m.jsonl"
        let report = try compare(pruned, dense, [try folder.write(name, line.text(pretty: false) + "\n")])
        let controls = report.text.unicodeScalars.filter { $0 != "\n" && $0.properties.generalCategory == .control }
        #expect(controls.isEmpty)
        #expect(!report.text.contains("\n1. other.jsonl"))
        let json = try #require(try JSONValue(parsing: report.json.text()).objectValue)
        let sample = json["samples"]?.arrayValue?[0].objectValue
        #expect(sample?["prompt"]?.stringValue == hostile && sample?["file"]?.stringValue == name)
        #expect(json["prompts"]?.objectValue?.keys == [name])
    }

    @Test func logsAndModelsThatCannotBeComparedAreNamed() throws {
        let (dense, pruned, folder) = (try model(), try prunedModel(), try TemporaryFolder())
        let good = try folder.write("good.jsonl", log)
        let bad = try folder.write("bad.jsonl", "{\"text\": \"fine\"}\n{\"question\": \"?\"}\n")
        let single = try folder.write("single.jsonl", "{\"text\": \"x\"}\n")
        func found(_ path: String) -> Fault? { fault { _ = try compare(pruned, dense, [good, path]) } }
        #expect(found(bad)?.kind == .badData && found(bad)?.file == bad && found(bad)?.place == "line 2")
        #expect(found(bad)?.expected?.contains("messages") == true)
        #expect(found(single)?.kind == .badData && found(single)?.file == single)
        #expect(found(folder.path + "/none.jsonl")?.kind == .missingInput)
        let alone = EvaluationRun(
            model: dense.path, files: [], prompts: PromptSettings(files: [good]), engine: try engine())
        #expect(fault { _ = try alone.measure(quiet) }?.kind == .usage)
        let larger = try model { $0.vocabulary = 300 }
        #expect(fault { _ = try compare(pruned, larger, [good]) }?.kind == .badData)
        // "a" and "b" changed places.
        let other = try model()
        let tokenizer = try String(contentsOfFile: other.path + "/tokenizer.json", encoding: .utf8)
        try other.write(
            "tokenizer.json",
            tokenizer.replacing("\"a\": 97", with: "\"a\": 98").replacing("\"b\": 98", with: "\"b\": 97"))
        let different = fault { _ = try compare(pruned, other, [good]) }
        #expect(different?.kind == .notComparable && different?.file == good && different?.place == "line 1")
        // Other bytes that say the same are no difference.
        try other.write("tokenizer.json", tokenizer + "\n")
        #expect(fault { _ = try compare(pruned, other, [good], differences: 0) } == nil)
    }

    @Test(arguments: [
        ["m", "--prompts", "p"], ["m", "--against", "d", "--text", "t", "--differences", "3"],
        ["m", "--against", "d", "--text", "t", "--continuation", "3"],
        ["m", "--against", "d", "--prompts", "p", "--differences", "-1"],
        ["m", "--against", "d", "--prompts", "p", "--continuation", "0"],
        ["m", "--against", "d", "--prompts", "p", "--differences", "0", "--continuation", "9"],
        ["m", "--against", "d", "--prompts", "p", "--windows", "3"],
    ])
    func wordsThatDoNotFitTogetherAreAUsageError(_ arguments: [String]) {
        #expect(throws: (any Error).self) { try Evaluate.parse(arguments) }
    }

    @Test func theOutputIsNoneOfTheLogs() throws {
        let (dense, folder) = (try model(), try TemporaryFolder())
        let file = try folder.write("log.jsonl", log)
        var command = try Evaluate.parse([
            dense.path, "--against", dense.path, "--prompts", file, "--output", file, "--quiet",
        ])
        #expect(fault { try command.run() }?.kind == .usage)
        #expect(try String(contentsOfFile: file, encoding: .utf8) == log)
    }

    @Test func aLongPromptIsShownByItsBeginningAndItsEnd() {
        let long = "begin " + String(repeating: "x", count: 1000) + "\n\n end"
        let shown = PromptSample.shortened(long)
        #expect(shown.hasPrefix("begin x") && shown.hasSuffix("x end") && shown.contains(" … "))
        #expect(shown.count < PromptSample.shownCharacters + 5)
        #expect(PromptSample.shortened("two\n lines") == "two lines")
    }

    @Test func aDifferenceIsCountedInTokens() {
        func written(_ ids: [Int32], _ stop: Generator.Stop = .length) -> PromptSample.Continuation {
            .init(text: "", ids: ids, stop: stop)
        }
        #expect(written([1, 2, 3]).firstDifference(from: written([1, 2, 4])) == 2)
        #expect(written([1, 2], .endToken).firstDifference(from: written([1, 2, 4])) == 2)
        #expect(written([]).firstDifference(from: written([1])) == 0)
        #expect(written([1, 2]).firstDifference(from: written([1, 2])) == nil)
        #expect(written([1, 2], .endToken).firstDifference(from: written([1, 2])) == 2)
    }
}
