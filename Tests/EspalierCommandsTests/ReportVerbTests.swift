import ArgumentParser
import Faults
import Foundation
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// `espalier report` on a folder as `prune` and `evaluate` leave it.
struct ReportVerbTests {
    private func published() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write(
            "report.json",
            """
            {"method": "wanda", "pattern": "2:4", "sparsity": {"asked": 0.5, "achieved": 0.5}, "parameters": {"before": 10, "after": 6},
             "blocks": [{"error_after": 0.1, "sparsity": {"q": 0.5}}]}
            """)
        try folder.write(
            "results.json",
            """
            {"perplexity": {"wiki": {"value": 21}}, "divergence": {"wiki": {"kl": 0.1, "top1_agreement": 0.9, "against_perplexity": 20}}}
            """)
        try folder.write("README.md", "---\ntags: [pruned]\n---\n# Pruned model\n")
        return folder
    }

    private func run(_ arguments: [String]) throws {
        var command = try ReportCommand.parse(arguments + ["--quiet"])
        try command.run()
    }

    @Test func aPageItsChartsAndACardAreWritten() throws {
        let folder = try published()
        let (page, card) = (folder.path + "/report.html", folder.path + "/card.md")
        try run([folder.path, "--output", page, "--card", card])
        let html = try String(contentsOfFile: page, encoding: .utf8)
        #expect(html.hasPrefix("<!doctype html>") && html.contains("<h3>Go</h3>"))
        let charts = try FileManager.default.contentsOfDirectory(atPath: page + ".charts").sorted()
        #expect(charts == ["layers-1.vl.json", "quality-against-weights.vl.json"])
        #expect(try String(contentsOfFile: card, encoding: .utf8).contains("| wiki | perplexity | 20.00 | 21.00 |"))
    }

    @Test func aPlaceForTheChartsThatIsTakenIsToldBeforeAnythingIsWritten() throws {
        let folder = try published()
        let page = folder.path + "/report.html"
        try folder.write("report.html.charts", "mine")
        let taken = #expect(throws: Fault.self) { try run([folder.path, "--output", page]) }
        #expect(taken?.kind == .inputOutput && taken?.file == page + ".charts")
        try FileManager.default.removeItem(atPath: page + ".charts")
        try FileManager.default.createSymbolicLink(atPath: page + ".charts", withDestinationPath: "nowhere")
        #expect(throws: Fault.self) { try run([folder.path, "--output", page]) }
        let long = folder.path + "/" + String(repeating: "n", count: 250)
        let fault = #expect(throws: Fault.self) { try run([folder.path, "--output", long]) }
        #expect(fault?.kind == .inputOutput && fault?.summary.contains("too long") == true)
        #expect(!FileManager.default.fileExists(atPath: page) && !FileManager.default.fileExists(atPath: long))
        // A device takes the page, and has no place for charts beside it.
        try run([folder.path, "--output", "/dev/null"])
        #expect(!FileManager.default.fileExists(atPath: "/dev/null.charts"))
    }

    @Test(.enabled(if: ProcessTests.tool != nil)) func theDataArePrintedAsJSON() throws {
        let folder = try published()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(ProcessTests.tool))
        process.arguments = ["report", folder.path, "--json"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let document = try #require(try JSONSerialization.jsonObject(with: printed) as? [String: Any])
        let runs = try #require(document["runs"] as? [[String: Any]])
        #expect(runs.count == 1 && (runs[0]["verdict"] as? [String: Any])?["decision"] as? String == "go")
        #expect(runs[0]["savings"] as? String == "not measured")
    }

    @Test func thePageIsNotMixedWithTheData() throws {
        let folder = try published()
        let fault = #expect(throws: Fault.self) { try run([folder.path, "--json", "--output", "/dev/stdout"]) }
        #expect(fault?.kind == .usage && fault?.summary.contains("mix the page") == true)
        #expect(throws: (any Error).self) { try ReportCommand.parse([folder.path]) }
    }

    @Test(arguments: [
        ["--price-per-hour", "0"], ["--price-per-hour", "250000"], ["--price-per-hour", "nan"],
        ["--tokens-per-day", "0.5"],
        ["--tokens-per-day", "1e16"], ["--spent-once=-1"], ["--currency", "3 EUR"], ["--currency", "<b>"],
        ["--currency", ""],
    ])
    func costsThatCannotBeAreRefused(_ arguments: [String]) throws {
        #expect(throws: (any Error).self) { try ReportCommand.parse(["a", "--output", "b"] + arguments) }
    }

    @Test func enteredCostsAreOnThePage() throws {
        let command = try ReportCommand.parse([
            "a", "--output", "b", "--price-per-hour", "2.5", "--tokens-per-day", "1e8", "--spent-once", "0",
            "--currency", "€",
        ])
        #expect(command.pricePerHour == 2.5 && command.tokensPerDay == 1e8 && command.spentOnce == 0)
        #expect(command.currency == "€")
    }

    @Test func thePublishedCardAndItsRecordAreLeftAlone() throws {
        let folder = try published()
        let readme = folder.path + "/README.md"
        let fault = #expect(throws: Fault.self) {
            try run([folder.path, "--output", folder.path + "/report.html", "--card", readme])
        }
        #expect(fault?.kind == .usage)
        #expect(throws: (any Error).self) { try ReportCommand.parse(["a", "b", "--output", "c", "--card", "d"]) }
    }
}
