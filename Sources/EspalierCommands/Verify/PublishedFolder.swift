import Checkpoints
import Decoders
import Faults
import JSONText

/// What `verify` finds to be sound, apart from its command line.
public struct PublishedFolder {
    public var folder: String
    public var files: Int
    public var bytes: Int
    /// The pattern that the run recorded, if it did.
    public var pattern: String?
    /// Pruned linears whose zeros were counted.
    public var linears: Int
    /// Zeros among their weights.
    public var sparsity: Double?
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
        let isRead = (try? opened.checkpoint.tokenizerJSON()) ?? nil
        if isRead != nil || opened.checkpoint.sideFiles.contains(where: { $0.name == "tokenizer.json" }) {
            _ = try opened.tokenizer()
        }
        linears = 0
        guard verification.record.files.contains(where: { $0.name == PruningRecord.fileName }) else { return }
        guard let record = try PruningRecord(folder: folder) else { return }
        pattern = record.pattern
        try check(record, opened.checkpoint, reporter)
    }

    private mutating func check(
        _ record: PruningRecord, _ checkpoint: Checkpoint, _ reporter: ProgressReporter
    ) throws(Fault) {
        var total = WeightScan()
        reporter.begin("checking patterns", total: Double(record.linears.count), unit: "linears")
        for name in record.linears {
            guard let tensor = checkpoint.tensor(name) else {
                throw Fault(
                    .badData, "a pruned weight that the report names is missing", file: folder,
                    place: "tensor '\(name)'")
            }
            let columns = tensor.shape.last ?? 1
            let values = try checkpoint.floats(name)
            let scan = WeightScan(values, columns: columns)
            if let shape = record.keepOf {
                let holds = values.withUnsafeBufferPointer {
                    WeightScan.holds(keep: shape.keep, of: shape.group, $0, columns: columns)
                }
                guard holds else {
                    throw Fault(
                        .badData, "the zeros of a weight break the pattern of its report", file: folder,
                        place: "tensor '\(name)'", found: Amount.percent(scan.zeroFraction, 2) + " zeros",
                        expected: "at most \(shape.keep) weights in every \(shape.group) consecutive columns",
                        advice: "repeat the run; this folder must not be served by a kernel that relies on the pattern")
                }
            }
            guard scan.nonFinite == 0 else {
                throw Fault(
                    .badData, "a pruned weight holds values that are not numbers", file: folder,
                    place: "tensor '\(name)'", found: "\(scan.nonFinite) of \(scan.elements)")
            }
            total.add(scan)
            linears += 1
            reporter.advance(by: 1)
        }
        reporter.finish()
        if total.elements > 0 { sparsity = total.zeroFraction }
    }

    public var text: String {
        var text = "\(Fault.harmless(folder)): sound\n"
        text += "  \(Amount.count(files)) files, \(Amount.bytes(bytes)), digests as published\n"
        if let pattern {
            text += "  \(Amount.count(linears)) pruned linears, pattern \(pattern) holds"
            text += sparsity.map { ", \(Amount.percent($0, 2)) zeros\n" } ?? "\n"
        }
        return text
    }

    public var json: JSONValue {
        .object([
            "folder": .string(folder), "sound": .bool(true), "files": .integer(files), "bytes": .integer(bytes),
            "pattern": pattern.map { .string($0) } ?? .null, "linears": .integer(linears),
            "sparsity": sparsity.map { .double($0) } ?? .null, "warnings": .array(warnings.map { .string($0) }),
        ])
    }
}
