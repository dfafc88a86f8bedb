import Faults
import Files
import Gate
import JSONText
import Reports

/// Files that other verbs write and that users put into a published folder, where `report` finds them: no record
/// vouches for them, and they are no reason to warn when they are what their names say.
enum ResultFile {
    /// Names in the folder that no record vouches for.
    struct Sorted {
        /// Those that are what another verb writes.
        var results: [String] = []
        /// A sentence for each of the others.
        var warnings: [String] = []
    }

    private static let writers = [
        "results.json": "evaluate --output", "benchmark.json": "benchmark --output", "gate.json": "gate --output",
        "report.html": "report --output", RecoveryCost.fileName: "recover --results",
    ]

    private static func writer(_ name: String) -> String? {
        writers[name] ?? (ExportedFile.isName(name) ? "export --results" : nil)
    }

    static func sort(_ names: [String], in folder: String, record: String) -> Sorted {
        var sorted = Sorted()
        for name in names {
            let path = FileSystem.joined(folder, name)
            let isChart = charts(name).map { names.contains($0) && isPage(FileSystem.joined(folder, $0)) } ?? false
            do throws(Fault) {
                let isResult = try isResult(name, path)
                if isChart || isResult {
                    sorted.results.append(name)
                } else {
                    sorted.warnings.append("\(path): not in \(record)")
                }
            } catch {
                let writer = writer(name).map { ", nor what `espalier \($0)` writes" } ?? ""
                sorted.warnings.append("\(path): not in \(record)\(writer): \(error.summary)")
            }
        }
        return sorted
    }

    /// - Throws: `Fault` for a file that has the name of a result and is not one.
    private static func isResult(_ name: String, _ path: String) throws(Fault) -> Bool {
        switch name {
        case "results.json": _ = try EvaluationResults(parsing: bytes(path), file: path)
        case "benchmark.json": _ = try BenchmarkResults(parsing: bytes(path), file: path)
        case "gate.json": _ = try GateVerdict(document(path), file: path)
        case RecoveryCost.fileName: _ = try RecoveryCost(document(path), file: path)
        case _ where ExportedFile.isName(name): _ = try ExportedFile(document(path), file: path)
        case "report.html":
            guard isPage(path) else { throw Fault(.badData, "this is not a page of a report") }
        default: return FileSystem.hasEnding(name, ".html") && isPage(path)
        }
        return true
    }

    private static func document(_ path: String) throws(Fault) -> JSONObject {
        guard let document = try JSONValue(parsing: bytes(path)).objectValue else {
            throw Fault(.badData, "the file is not a JSON object")
        }
        return document
    }

    /// The page that a chart's specification stands beside: "report.html" of "report.html.charts/kl.vl.json".
    private static func charts(_ name: String) -> String? {
        let parts = FileSystem.components(name)
        guard parts.count == 2, FileSystem.hasEnding(parts[0], ".charts"), FileSystem.hasEnding(parts[1], ".vl.json")
        else { return nil }
        return String(parts[0].dropLast(".charts".count))
    }

    private static func isPage(_ path: String) -> Bool {
        guard let bytes = try? bytes(path) else { return false }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("<!doctype html>") && text.contains("Made by Espalier.")
    }

    /// A link is not followed: what it leads to is not in the folder.
    private static func bytes(_ path: String) throws(Fault) -> [UInt8] {
        try InputFile(path, followsLink: false).contents(limit: ReadableFile.largestFile)
    }
}
