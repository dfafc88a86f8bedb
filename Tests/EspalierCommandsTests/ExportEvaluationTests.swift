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
@testable import Reports

@Suite("Exported files that are scored")
struct ExportEvaluationTests: ExportSuite {
    @Test("a file that was exported is scored beside its folder, and stands in the folder's report")
    func evaluated() throws {
        let (folder, work) = (try wide(), try TemporaryFolder())
        let (pruned, file) = (work.path("pruned"), try work.write("t.txt", text))
        var recipe = PruneRecipe()
        (recipe.model, recipe.output, recipe.method) = (folder.path, pruned, "magnitude")
        recipe.sparsity = try Sparsity(parsing: "0.5")
        _ = try PruneRun(PrunePreparation(try recipe.resolved(), reporter: quiet).context).start()
        let output = work.path("q4.gguf")
        let evaluation = ExportEvaluation(texts: [file], context: 32, windows: 20)
        var steps: [Bool] = []
        let report = try GGUFExport(
            model: pruned, output: output, types: GGUFTypes.named("Q4_0"), evaluation: evaluation
        ).write(quiet) { () throws(Fault) in
            steps.append(FileManager.default.fileExists(atPath: output))
        } written: { () throws(Fault) in
            #expect(FileManager.default.fileExists(atPath: output))
        }
        #expect(!steps.contains(true))
        // By itself, and by hand.
        let found = try #require(report.evaluation?.files.first).measurement
        let engine = try EngineSettings(threads: nil, device: .auto, dtype: .auto)
        let byHand = try EvaluationRun(
            model: output, against: pruned, files: [.text(file)], context: 32, windows: 20, engine: engine
        ).measure(quiet)
        #expect(found == byHand.files.first?.measurement && found.windows == 20)
        let divergence = try #require(found.divergence)
        #expect(divergence.kl > 0 && divergence.kl < 1 && found.perplexity != divergence.densePerplexity)
        #expect(report.text.contains("t.txt: perplexity ") && report.text.contains(" times the model's "))

        let document = pruned + "/export-q4.json"
        try Data(report.json.text().utf8).write(to: URL(fileURLWithPath: document))
        let run = try PublishedRun(folder: pruned)
        let exported = try #require(run.exports.first)
        #expect(exported.name == "q4.gguf" && exported.type == "Q4_0" && exported.bytes == report.bytes)
        #expect(exported.texts.first?.perplexity == found.perplexity)
        #expect(exported.texts.first?.densePerplexity == divergence.densePerplexity)
        #expect(exported.texts.first?.kl == divergence.kl && exported.sha256 == report.digest)
        let html = ReportPage([run]).html
        #expect(html.contains("Exported files") && html.contains("q4.gguf"))
        #expect(try #require(ReportPage([run]).exports).body.contains("times dense") == false)
        // The dense model's figure stands there where it was measured on the same tokens.
        let results = try EvaluationRun(
            model: pruned, against: folder.path, files: [.text(file)], context: 32, windows: 20, engine: engine
        ).measure(quiet)
        try Data(results.json.text().utf8).write(to: URL(fileURLWithPath: pruned + "/results.json"))
        let compared = try PublishedRun(folder: pruned)
        let dense = try #require(results.files.first?.measurement.divergence?.densePerplexity)
        #expect(compared.densePerplexity(of: try #require(compared.exports.first?.texts.first)) == dense)
        let json = ReportPage([compared]).json.objectValue?["runs"]?.arrayValue?.first?.objectValue
        #expect(try #require(ReportPage([compared]).exports).body.contains("times dense"))
        let text = json?["exports"]?.arrayValue?.first?.objectValue?["texts"]?.arrayValue?.first?.objectValue
        #expect(text?["dense_perplexity"]?.doubleValue == dense && text?["kl"]?.doubleValue == divergence.kl)
        let verified = try PublishedFolder(pruned, reporter: quiet)
        #expect(verified.results == ["export-q4.json", "results.json"] && verified.warnings.isEmpty)

        // Of another folder, without a record, or something else.
        let other = report.json.objectValue ?? JSONObject()
        for (key, value, kind) in [
            ("source_record_sha256", JSONValue.string("0"), Fault.Kind.notComparable),
            ("source_record_sha256", .null, .notComparable), ("format", .string("deci"), .badData),
            ("bytes", .string("many"), .badData),
        ] {
            var changed = other
            changed[key] = value
            try Data(JSONValue.object(changed).text().utf8).write(to: URL(fileURLWithPath: document))
            #expect(faultMistakes(kind, [document]) { _ = try PublishedRun(folder: pruned) } == [], "\(key)")
        }
    }

    @Test("what cannot be scored is refused before anything is written")
    func unusableText() throws {
        let (folder, work) = (try wide(), try TemporaryFolder())
        let short = try work.write("short.txt", "No window.")
        func export(_ output: String) throws -> GGUFExportReport {
            try GGUFExport(
                model: folder.path, output: output, types: GGUFTypes.named("Q4_0"),
                evaluation: ExportEvaluation(texts: [short], context: 32)
            ).write(quiet)
        }
        #expect(faultMistakes(.badData, [short]) { try export(work.path("m.gguf")) } == [])
        #expect(faultMistakes(.usage, ["--text"]) { try export("/dev/null") } == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path) == ["short.txt"])
    }

    @Test(
        "options of the evaluation that do not belong together are refused",
        arguments: [
            ["--to", "deci", "--text", "t"], ["--to", "padded", "--results", "r"], ["--to", "gguf", "--context", "9"],
            ["--to", "gguf", "--windows", "9"], ["--to", "gguf", "--text", "t", "--context", "1"],
            ["--to", "gguf", "--text", "t", "--windows", "0"],
        ])
    func evaluationOptions(_ arguments: [String]) {
        #expect(throws: (any Error).self) { _ = try Export.parse(["model", "--output", "o"] + arguments) }
    }

    @Test("the verb scores the file, keeps the figures, and warns of the text that the file was fitted to")
    func verb() throws {
        let (folder, work) = (try wide(), try TemporaryFolder())
        let (file, results) = (try work.write("t.txt", text), work.path("r.json"))
        let arguments = [
            folder.path, "--to", "gguf", "--type", "Q4_0", "--output", work.path("m.gguf"), "--text", file, "--context",
            "32", "--windows", "4", "--results", results, "--quiet",
        ]
        var export = try Export.parse(arguments)
        try export.run()
        let json = try JSONValue(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: results)))).objectValue
        let found = json?["evaluation"]?.objectValue?["perplexity"]?.objectValue?["t.txt"]?.objectValue
        #expect(found?["windows"]?.integerValue == 4 && (found?["value"]?.doubleValue ?? 0) > 1)
        #expect(json?["source_record_sha256"]?.isNull == true)
        #expect(
            faultMistakes(.usage, ["--results"]) {
                var again = try Export.parse(
                    arguments.map { $0 == results ? file : $0 == work.path("m.gguf") ? work.path("n.gguf") : $0 })
                try again.run()
            } == [])
    }
}
