import Faults
import Foundation
import JSONText
import Recipes
import RunSupport
import Runs
import TestSupport
import Testing

@testable import EspalierKit

/// Prunings with training after each, on a tiny model.
@Suite("Pruning in stages")
struct StagedPruningTests {
    private final class Observer: StageObserver {
        var told: [String] = []
        /// Called when a part is over.
        var after: (String) -> Void = { _ in }

        func pruning(stage: Int, of stages: Int, _ context: PruneContext) -> EventHandler {
            told.append("prune \(stage)/\(stages) \(context.settings.pattern.text)")
            return { _ in }
        }
        func pruned(_ result: RunResult) { after("pruned") }
        func recovering(stage: Int, of stages: Int, _ context: RecoverContext) -> EventHandler {
            told.append("recover \(stage)/\(stages)")
            return { _ in }
        }
        func recovered(_ result: RecoverResult) { after("recovered") }
    }

    private let bench: Bench

    init() throws { bench = try Bench(tokens: Bench.rows(24, 12)) }

    private func settings(_ output: String, _ change: (inout PruneRecipe) -> Void = { _ in }) throws -> PruneSettings {
        try bench.settings(output) {
            $0.method = "wanda"
            $0.pattern = try? PatternChoice(parsing: "2:4")
            $0.recoverySteps = 4
            $0.threads = 1
            change(&$0)
        }
    }

    @discardableResult
    private func run(
        _ output: String, _ observer: Observer = Observer(), _ change: (inout PruneRecipe) -> Void = { _ in }
    ) throws -> StagedResult {
        try StagedPruning(starting: try settings(output, change), reporter: SilentReporter(), observer: observer).run()
    }

    private func document(_ output: String, _ name: String) throws -> JSONObject {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: bench.path(output) + "/" + name))
        return try #require(try JSONValue(parsing: Array(bytes)).objectValue)
    }

    @Test("2:4 is reached over 3:4, and the folder tells of both")
    func twoOfFour() throws {
        let observer = Observer()
        let result = try run("out", observer)
        #expect(observer.told == ["prune 1/2 3:4", "recover 1/2", "prune 2/2 2:4", "recover 2/2"])
        #expect(result.staged.stages.count == 2)
        #expect(!bench.exists("out.stages") && !bench.exists("out.stages.lock") && !bench.exists("out.partial"))
        let report = try document("out", "report.json")
        #expect(report["sparsity"]?.objectValue?["asked"]?.doubleValue == 0.5)
        #expect(report["sparsity"]?.objectValue?["achieved"]?.doubleValue == 0.5)
        let stages = try document("out", "recovery.json")["stages"]?.arrayValue ?? []
        #expect(stages.map { $0.objectValue?["pattern"]?.stringValue } == ["3:4", "2:4"])
        #expect(stages.first?.objectValue?["steps"]?.integerValue == 4)
        let recipe = try PruneRecipe(contentsOf: bench.path("out") + "/recipe.yaml")
        #expect(recipe.recoverySteps == 4 && recipe.pattern == .keep(2, of: 4))
        // What `verify` compares: zeros, parameters and texts with report and recipe.
        _ = try PublishedFolder(bench.path("out"), reporter: SilentReporter())

        var again = recipe
        again.output = bench.path("again")
        _ = try StagedPruning(starting: try again.resolved(), reporter: SilentReporter(), observer: Observer()).run()
        #expect(Folder.differences(try bench.files("again"), try bench.files("out")) == [])
    }

    @Test("heads and neurons go in stages, counted from the first model", arguments: [false, true])
    func units(_ isUniform: Bool) throws {
        let bench = try Bench(tokens: Bench.rows(24, 12)) { $0.layers = 3 }
        let settings = try bench.settings("out") {
            $0.method = "tyr"
            $0.sparsity = try? Sparsity(0.5)
            $0.effort = .quick
            $0.isUniform = isUniform
            $0.granularity = 1
            $0.recoverySteps = 2
            $0.threads = 1
        }
        let result = try StagedPruning(starting: settings, reporter: SilentReporter(), observer: Observer()).run()
        _ = try PublishedFolder(bench.path("out"), reporter: SilentReporter())
        let report = result.staged.report
        let sparsity = report["sparsity"]?.objectValue
        #expect(sparsity?["asked"]?.doubleValue == 0.5)
        #expect(sparsity?["achieved"]?.doubleValue ?? 0 >= 0.5)
        let dense = try bench.context("x").decoder.expectedTensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
        #expect(report["parameters"]?.objectValue?["before"]?.integerValue == dense)
        #expect(report["blocks"]?.arrayValue?.count == 3)
    }

    @Test("a run that was stopped between any two parts ends with the same bytes", arguments: 1...3)
    func stopped(_ parts: Int) throws {
        try run("whole")
        let observer = Observer()
        var left = parts
        let (file, aside) = (bench.tokenFile, bench.path("aside"))
        observer.after = { _ in
            left -= 1
            // The next part misses its text.
            if left == 0 { try? FileManager.default.moveItem(atPath: file, toPath: aside) }
        }
        let fault = #expect(throws: Fault.self) { try run("out", observer) }
        #expect(fault?.kind == .missingInput)
        #expect(!bench.exists("out") && bench.exists("out.stages"))
        try FileManager.default.moveItem(atPath: aside, toPath: file)

        // Another run may not take its place.
        #expect((#expect(throws: Fault.self) { try run("out") })?.kind == .outputExists)
        let next = Observer()
        let stages = try #require(
            try StagedPruning.interrupted(output: bench.path("out"), reporter: SilentReporter(), observer: next))
        _ = try stages.run()
        let all = ["prune 1/2 3:4", "recover 1/2", "prune 2/2 2:4", "recover 2/2"]
        #expect(next.told == Array(all.dropFirst(parts)))
        #expect(Folder.differences(try bench.files("out"), try bench.files("whole")) == [])
        #expect(!bench.exists("out.stages"))
        #expect(
            try StagedPruning.interrupted(output: bench.path("out"), reporter: SilentReporter(), observer: next) == nil)
    }

    @Test("a run that was killed after its output got its name only tidies up")
    func published() throws {
        try run("whole")
        let observer = Observer()
        observer.after = { _ in
            if observer.told.count == 4 { try? bench.copy("out.stages", to: "kept") }
        }
        try run("out", observer)
        try bench.copy("kept", to: "out.stages")
        let next = Observer()
        _ = try #require(
            try StagedPruning.interrupted(output: bench.path("out"), reporter: SilentReporter(), observer: next)
        ).run()
        #expect(next.told == [] && !bench.exists("out.stages"))
        #expect(Folder.differences(try bench.files("out"), try bench.files("whole")) == [])
    }

    @Test("the output may be replaced when that is asked for, and is there until the end")
    func replacing() throws {
        try bench.prune("out") { $0.method = "magnitude" }
        let old = try bench.files("out")
        #expect(throws: Fault.self) { try run("out") }
        let observer = Observer()
        observer.after = { _ in if observer.told.count < 4 { #expect((try? bench.files("out")) == old) } }
        try run("out", observer) { $0.overwrite = true }
        #expect(try bench.files("out.previous-1") == old)
        #expect(try document("out", "recovery.json")["stages"]?.arrayValue?.count == 2)
    }

    @Test("what nobody of us wrote in the folder of the stages stays")
    func foreignFiles() throws {
        let observer = Observer()
        observer.after = { _ in
            try? Data("mine".utf8).write(to: URL(fileURLWithPath: bench.path("out.stages/mine.txt")))
        }
        let fault = #expect(throws: Fault.self) { try run("out", observer) }
        #expect(fault?.kind == .badData && fault?.file?.hasSuffix("mine.txt") == true)
        #expect(bench.exists("out") && bench.exists("out.stages/mine.txt"))
        try FileManager.default.createDirectory(
            atPath: bench.path("other.stages"), withIntermediateDirectories: false)
        #expect(throws: Fault.self) { try run("other") }
        #expect(bench.exists("other.stages"))
    }

    @Test(
        "a record of the stages that is damaged, of another output or of another version is refused",
        arguments: [
            ("\"version\":1", "\"version\":9"), ("\"output\":\"out\"", "\"output\":\"other\""),
            ("\"threads\":1", "\"threads\":\"one\""), ("wanda", "wander"), ("}", ""),
        ])
    func record(_ was: String, _ becomes: String) throws {
        let observer = Observer()
        let (file, aside) = (bench.tokenFile, bench.path("aside"))
        observer.after = { _ in try? FileManager.default.moveItem(atPath: file, toPath: aside) }
        #expect(throws: Fault.self) { try run("out", observer) }
        try FileManager.default.moveItem(atPath: aside, toPath: file)
        let place = URL(fileURLWithPath: bench.path("out.stages/stages.json"))
        let text = try String(contentsOf: place, encoding: .utf8).replacingOccurrences(of: ": ", with: ":")
        try #require(text.contains(was))
        try Data(text.replacingOccurrences(of: was, with: becomes).utf8).write(to: place)
        let before = try bench.files("out.stages/1-pruned")
        let fault = #expect(throws: Fault.self) {
            try StagedPruning.interrupted(output: bench.path("out"), reporter: SilentReporter(), observer: Observer())
        }
        #expect(fault?.kind == .badData && fault?.file?.contains("out.stages") == true)
        #expect(try bench.files("out.stages/1-pruned") == before && !bench.exists("out"))
    }

    @Test("a start that comes to nothing leaves nothing")
    func nothing() throws {
        #expect(throws: Fault.self) { try run("out", Observer()) { $0.calibration = [bench.path("none.safetensors")] } }
        #expect(!bench.exists("out.stages") && !bench.exists("out.stages.lock"))
    }
}
