import Faults
import JSONText
import Publishing
import Records

/// What `verify` finds to be sound, apart from its command line.
public struct PublishedFolder {
    /// Its path.
    public var folder: String
    /// How many files its record vouches for.
    public var files: Int
    /// Of these files together.
    public var bytes: Int
    /// The pattern that the run recorded; nil for a folder without a report.
    public var pattern: String?
    /// Pruned linears, whose zeros were counted.
    public var linears: Int { finding?.linears ?? 0 }
    /// Zeros among their weights.
    public var sparsity: Double? {
        finding.flatMap { $0.weights > 0 ? Double($0.zeros) / Double($0.weights) : nil }
    }
    package private(set) var finding: ReportCheck.Finding?
    /// Names of files that other verbs wrote into the folder, for which no record vouches.
    public var results: [String]
    /// Files that nobody vouches for, and what the model warns of.
    public var warnings: [String]

    /// - Throws: `missingInput` when the folder or a file in it is missing, `badData` when something in it is not as it
    ///   was published or should be.
    public init(_ folder: String, reporter: any Reporter) throws(Fault) {
        self.folder = folder
        reporter.begin("reading files", total: 1)
        let verification = try FolderVerification(folder)
        reporter.finish()
        let opened = try OpenedModel(folder)
        files = verification.record.files.count
        bytes = verification.record.files.reduce(0) { $0 + $1.bytes }
        let others = ResultFile.sort(verification.unrecorded, in: folder, record: PublishedFile.completion)
        results = others.results
        warnings = verification.checkpoint.warnings + others.warnings
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

    /// What `verify --json` prints.
    public var json: JSONValue {
        .object([
            "folder": .string(folder), "sound": .bool(true), "files": .integer(files), "bytes": .integer(bytes),
            "pattern": pattern.map { .string($0) } ?? .null, "linears": .integer(linears),
            "sparsity": sparsity.map { .double($0) } ?? .null, "zeros": finding.map { .integer($0.zeros) } ?? .null,
            "zeros_asked": finding?.asked.map { .integer($0) } ?? .null,
            "zeros_exact": finding?.isExact.map { .bool($0) } ?? .null,
            "results": .array(results.map { .string($0) }),
            "compared": .array((finding?.compared ?? []).map { .string($0) }),
            "warnings": .array(warnings.map { .string($0) }),
        ])
    }
}
