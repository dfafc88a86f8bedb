import Faults

/// A task as its table row: what it is called, how it is scored, which files may hold it and how a record becomes an
/// item.
public struct TaskDefinition: Sendable {
    /// Where solved examples come from.
    enum Examples: Sendable {
        /// Drawn from the training part; an example that is the item itself is replaced.
        case drawnWithoutItem
        /// Drawn from the training part.
        case drawn
        /// The first ones of the part for examples.
        case first
    }

    /// A file below the data folders, or one whose path is known.
    struct DataFile: Equatable, Sendable {
        var path: String
        var format: RecordFile.Format
        var isResolved: Bool

        init(_ path: String, _ format: RecordFile.Format = .jsonLines, isResolved: Bool = false) {
            self.path = path
            self.format = format
            self.isResolved = isResolved
        }
    }

    public let name: String
    /// lm-evaluation-harness' version of the task.
    public let version: Double
    public let metrics: [TaskMetric]
    /// What stands before everything else.
    var preamble = ""
    /// What separates prompt and answer.
    var targetDelimiter = " "
    /// The files that may hold the items; the first that is there counts.
    let files: [DataFile]
    /// The files that may hold solved examples.
    var exampleFiles: [DataFile] = []
    var examples = Examples.drawnWithoutItem
    let item: @Sendable (TaskRecord) throws(Fault) -> TaskItem

    init(
        _ name: String, version: Double, metrics: [TaskMetric], preamble: String = "", targetDelimiter: String = " ",
        files: [DataFile], exampleFiles: [DataFile] = [], examples: Examples = .drawnWithoutItem,
        item: @escaping @Sendable (TaskRecord) throws(Fault) -> TaskItem
    ) {
        self.name = name
        self.version = version
        self.metrics = metrics
        self.preamble = preamble
        self.targetDelimiter = targetDelimiter
        self.files = files
        self.exampleFiles = exampleFiles
        self.examples = examples
        self.item = item
    }
}
