import Checkpoints
import Decoders
import Faults
import JSONText
import Publishing
import Records

/// What `verify` finds to be sound, apart from its command line.
public struct PublishedFolder {
    public var folder: String
    public var files: Int
    public var bytes: Int
    /// The pattern that the run recorded; nil for a folder without a report.
    public var pattern: String?
    /// Pruned linears, whose zeros were counted.
    public var linears: Int { finding?.linears ?? 0 }
    /// Zeros among their weights.
    public var sparsity: Double? {
        finding.flatMap { $0.weights > 0 ? Double($0.zeros) / Double($0.weights) : nil }
    }
    private var finding: ReportCheck.Finding?
    public var warnings: [String]

    /// - Throws: `missingInput` when the folder or a file in it is missing, `badData` when something in it is not as it
    ///   was published or should be.
    public init(_ folder: String, reporter: ProgressReporter) throws(Fault) {
        self.folder = folder
        reporter.begin("reading files", total: 1)
        let verification = try FolderVerification(folder)
        reporter.finish()
        let opened = try OpenedModel(folder)
        files = verification.record.files.count
        bytes = verification.record.files.reduce(0) { $0 + $1.bytes }
        warnings = verification.warnings
        for warning in opened.warnings where !warnings.contains(warning) { warnings.append(warning) }
        if opened.hasTokenizer || opened.checkpoint.sideFiles.contains(where: { $0.name == "tokenizer.json" }) {
            _ = try opened.tokenizer()
        }
        let names = Set(verification.record.files.map(\.name))
        guard names.contains(PublishedFile.report) else { return }
        let record = try PruningRecord(folder: folder, hasRecipe: names.contains(PublishedFile.recipe))
        pattern = record.pattern.text
        finding = try ReportCheck(record: record, opened: opened).run(reporter)
    }

    public var text: String {
        var text = "\(Fault.harmless(folder)): sound\n"
        text += "  \(Amount.count(files)) files, \(Amount.bytes(bytes)), digests as published\n"
        guard let pattern, let finding else {
            return text + "  weights were compared with nothing: the folder has no report.json of a run\n"
        }
        text += "  \(Amount.count(linears)) pruned linears, pattern \(pattern)"
        let zeros = sparsity.map { ": \(Amount.count(finding.zeros)) zeros, \(Amount.percent($0, 2))" }
        text += (pattern == "structured" ? "" : zeros ?? "") + "\n"
        if let asked = finding.asked, let groups = finding.groups {
            text +=
                finding.zeros == asked
                ? "  asked for \(Amount.count(asked)): there are exactly so many, \(groups)\n"
                : "  asked for \(Amount.count(asked)) and there, \(groups); "
                    + "\(Amount.count(finding.zeros - asked)) more: zeros "
                    + "of the source, or weights too small for the number type\n"
        } else if pattern != "structured" {
            text += "  how many zeros each linear was to have is not in the folder\n"
        }
        for sentence in finding.compared { text += "  compared: \(Fault.harmless(sentence, limit: 1000))\n" }
        return text
    }

    public var json: JSONValue {
        .object([
            "folder": .string(folder), "sound": .bool(true), "files": .integer(files), "bytes": .integer(bytes),
            "pattern": pattern.map { .string($0) } ?? .null, "linears": .integer(linears),
            "sparsity": sparsity.map { .double($0) } ?? .null, "zeros": finding.map { .integer($0.zeros) } ?? .null,
            "zeros_asked": finding?.asked.map { .integer($0) } ?? .null,
            "zeros_exact": finding?.isExact.map { .bool($0) } ?? .null,
            "compared": .array((finding?.compared ?? []).map { .string($0) }),
            "warnings": .array(warnings.map { .string($0) }),
        ])
    }
}
