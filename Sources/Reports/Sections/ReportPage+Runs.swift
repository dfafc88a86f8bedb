import Files
import JSONText

extension PublishedRun {
    /// The source model's name: a file's name, or a folder's with the one above it, since "hf" alone names nothing; of
    /// the hub's cache "owner/name". Nil where no file tells it.
    var sourceName: String? {
        guard let source, !source.isEmpty else { return nil }
        let parts = FileSystem.components(source).filter { $0 != "." && $0 != ".." }
        guard let last = parts.last else { return nil }
        let cached = parts.last { $0.hasPrefix("models--") }?.split(separator: "--").dropFirst()
        if let cached, cached.count == 2 { return cached.joined(separator: "/") }
        return FileSystem.hasEnding(last, ".gguf") || parts.count == 1 ? last : parts.suffix(2).joined(separator: "/")
    }

    /// "AMD EPYC, 2 threads, cpu, float32"
    static func machine(_ environment: JSONObject?) -> String? {
        guard let environment else { return nil }
        if let endpoint = environment["endpoint"]?.objectValue {
            return endpoint["server"]?.stringValue.map { "a server, \(HTML.name($0))" } ?? "a server"
        }
        func text(_ key: String) -> String? { environment[key]?.stringValue.map { HTML.name($0) } }
        let threads = environment["threads"]?.integerValue.map { Words.counted($0, "thread") }
        let parts = [text("cpu"), threads, text("device"), text("dtype")].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}

extension ReportPage {
    /// Below the first sentence: of which model, when, on what.
    var facts: String {
        let names = Set(runs.compactMap(\.sourceName)).sorted().map { "<b>\(HTML.name($0))</b>" }
        let source =
            names.isEmpty
            ? "The source model's name is not known."
            : "\(names.count == 1 ? "Source model" : "Source models"): \(Words.list(names))."
        return "\(source) Page made on \(PageDate.text(madeAt))."
    }

    /// Quality and speed can be measured on two machines.
    private func machines(_ run: PublishedRun) -> String {
        let (quality, speed) = (
            PublishedRun.machine(run.environment), PublishedRun.machine(run.speedEnvironment)
        )
        guard let quality, let speed, quality != speed else { return quality ?? speed ?? "–" }
        return "quality: \(quality); speed: \(speed)"
    }

    /// What each run is, when it was made and where it was measured.
    var about: (body: String, lead: String)? {
        let head = [
            "run", "source model", "method", "pattern", "seed", "pruned", "evaluated", "measured on",
        ]
        let rows = runs.map { run in
            [
                HTML.name(run.name), run.sourceName.map { HTML.name($0) } ?? "–", HTML.name(run.title),
                HTML.name(run.pattern), run.seed.map(String.init) ?? "–", PageDate.text(run.writtenAt),
                PageDate.text(run.evaluatedAt), machines(run),
            ]
        }
        let isMixed = Set(runs.compactMap(\.sourceName)).count > 1
        return (
            HTML.table(head, rows, class: "facts"),
            "“Pruned” is the date of the run's report.json, which copying a folder may change."
                + (isMixed
                    ? " The runs are of different source models: each one's figures are relative to its own dense "
                        + "model, and "
                        + "the runs cannot be compared with each other." : "")
        )
    }
}
