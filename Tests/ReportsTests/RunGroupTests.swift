import Foundation
import TestSupport
import Testing

@testable import Reports

@Suite("Runs of one recipe")
struct RunGroupTests {
    private func run(
        _ name: String, _ work: TemporaryFolder, seed: Int = 0, ratio: Double = 1.05, source: String = "news.txt",
        recipe: String
    ) throws -> PublishedRun {
        try PublishedRun(
            folder: try RunFolder.make(name, in: work, seed: seed, ratio: ratio, source: source, recipe: recipe))
    }

    private func recipe(uniform: Bool = false, seed: Int = 0, extra: String = "") -> String {
        "version: 1\nmethod: tyr\nseed: \(seed)\nstructure:\n  uniform: \(uniform)\n\(extra)"
    }

    @Test("runs whose recipes differ in more than the seed are not pooled, and the difference is named")
    func uniformAndRagged() throws {
        let work = try TemporaryFolder()
        let page = ReportPage([
            try run("ragged", work, recipe: recipe()), try run("uniform", work, recipe: recipe(uniform: true)),
        ])
        #expect(page.seeds == nil && page.groups.isEmpty)
        let groups = RunGroup.groups(page.runs, page.text)
        #expect(groups.map(\.setting) == ["wanda++ 50.0 %, 2:4, uniform false", "wanda++ 50.0 %, 2:4, uniform true"])
        #expect(groups.map(\.members.count) == [1, 1])
    }

    @Test("seeds are pooled; the same seed again is a repeat, which counts once")
    func repeats() throws {
        let work = try TemporaryFolder()
        let runs = [
            try run("a", work, seed: 0, ratio: 1, recipe: recipe()),
            try run("b", work, seed: 0, ratio: 1.1, recipe: recipe()),
            try run("c", work, seed: 1, ratio: 1.25, recipe: recipe(seed: 1)),
        ]
        let page = ReportPage(runs)
        let group = try #require(page.groups.first)
        #expect(page.groups.count == 1 && group.hasRepeats && group.seeds.map(\.count) == [2, 1])
        // 21 for the seed 0, 25 for the seed 1.
        #expect(group.values == [21, 25] && group.mean == 23 && abs(group.deviation - 8.0.squareRoot()) < 1e-12)
        let seeds = try #require(page.seeds)
        #expect(seeds.body.contains("0 (a repeat: 2 runs), 1") && !seeds.body.contains("0, 0"))
        #expect(seeds.lead.contains("Runs with the same seed are a repeat"))
        let twice = ReportPage(Array(runs.prefix(2)))
        #expect(twice.groups.first?.deviation.isNaN == true && twice.seeds?.body.contains("±") == false)
        #expect(twice.seeds?.lead.contains("standard deviation") == false)
        let different = ReportPage([runs[0], runs[2]])
        #expect(different.seeds?.lead.contains("repeat") == false && different.seeds?.body.contains("0, 1") == true)
    }

    @Test("other calibration texts are rows of their own, with one of them all")
    func texts() throws {
        let work = try TemporaryFolder()
        let page = ReportPage([
            try run("a", work, source: "news.txt", recipe: recipe()),
            try run("b", work, ratio: 1.25, source: "code.txt", recipe: recipe()),
        ])
        #expect(page.groups.map(\.sources) == ["news.txt", "code.txt", "all 2 texts"])
        #expect(page.groups[2].values == [21, 25] && !page.groups[2].hasRepeats)
    }

    @Test("without a recipe that can be read, or on another text of the evaluation, nothing is pooled")
    func unknown() throws {
        let work = try TemporaryFolder()
        let torn = [try run("a", work, recipe: "version: ["), try run("b", work, recipe: "version: [")]
        #expect(torn[0].choices == nil && ReportPage(torn).groups.isEmpty)
        var runs = [try run("c", work, recipe: recipe()), try run("d", work, recipe: recipe())]
        #expect(ReportPage(runs).groups.count == 1)
        // Another text of the same name.
        let report = try String(contentsOfFile: work.path + "/d/report.json", encoding: .utf8)
        try work.write("d/report.json", report.replacing("\"def\"", with: "\"other\""))
        let other = try PublishedRun(folder: work.path + "/d")
        #expect(RunGroup.groups([runs[0], other], ReportPage(runs).text).map(\.members.count) == [1, 1, 2])
        runs[1].texts[0].context = 512
        #expect(ReportPage(runs).groups.isEmpty)
    }
}
