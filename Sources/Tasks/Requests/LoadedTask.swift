import Calibration
import Faults

/// A task with its data read.
public struct LoadedTask: Sendable {
    public let definition: TaskDefinition
    /// The items asked for, in the order of the file.
    public let items: [TaskItem]
    /// Where each item stands: "line 3".
    public let places: [String]
    /// Items of the file.
    public let originalCount: Int
    public let path: String
    public let shots: Int
    /// The file that examples are drawn from, where there are any.
    public let examplePath: String?
    /// What the user should know.
    public let warnings: [String]
    private let preambles: [String]

    public var name: String { definition.name }
    /// What examples are drawn with.
    public static var exampleSeed: Int { Int(ExampleSampler.seed) }

    /// Reads a task's data.
    ///
    /// - Parameters:
    ///   - folders: where the data are looked for, in order.
    ///   - limit: items at most.
    ///   - shots: solved examples before each item.
    /// - Throws: `missingInput` when no file of the task is there; `badData` with file and line for one that cannot be
    ///   used.
    public init(
        _ definition: TaskDefinition, folders: [String], limit: Int? = nil, shots: Int = 0
    ) throws(Fault) {
        guard let file = LoadedTask.find(definition.files, in: folders) else {
            throw LoadedTask.missing(definition, folders)
        }
        let records = try file.records()
        let read = try LoadedTask.items(records, definition)
        let items = Array(read.prefix(limit ?? read.count))
        self.definition = definition
        self.items = items
        places = records.prefix(items.count).map(\.place)
        originalCount = read.count
        path = file.path
        self.shots = shots

        var warnings: [String] = []
        var pool = read
        var rule = definition.examples
        var examplePath: String?
        if shots > 0 {
            examplePath = file.path
            if let source = LoadedTask.find(definition.exampleFiles, in: folders) {
                pool = try LoadedTask.items(try source.records(), definition)
                examplePath = source.path
            } else if !definition.exampleFiles.isEmpty {
                rule = .drawnWithoutItem
                warnings.append(
                    "\(definition.name): there is no file of training items, so examples are drawn from the "
                        + "evaluated ones, the item itself left out; looked for "
                        + definition.exampleFiles.map(\.path).joined(separator: ", "))
            }
            let needed = rule == .drawnWithoutItem ? shots + 1 : shots
            guard pool.count >= needed else {
                throw Fault(
                    .badData, "there are too few items to draw examples from", file: examplePath,
                    found: "\(pool.count) items", expected: "at least \(needed) for --num-fewshot \(shots)")
            }
        }
        self.examplePath = examplePath
        self.warnings = warnings
        var sampler = ExampleSampler(pool: pool, rule: rule)
        preambles = items.map { item in
            definition.preamble
                + sampler.examples(shots, for: item).map { $0.example(delimiter: definition.targetDelimiter) }.joined()
        }
    }

    /// What is asked of the model for an item, as text; none for a running text.
    public func textRequests(_ index: Int) -> [TextRequest] {
        items[index].requests(preamble: preambles[index], delimiter: definition.targetDelimiter)
    }

    /// The same in tokens.
    public func requests(_ encoder: inout RequestEncoder) throws(Fault) -> [[TokenRequest]] {
        var all: [[TokenRequest]] = []
        all.reserveCapacity(items.count)
        for (index, item) in items.enumerated() {
            do throws(Fault) {
                all.append(
                    try encoder.requests(
                        item, preamble: preambles[index], delimiter: definition.targetDelimiter))
            } catch {
                var fault = error.inFile(path)
                fault.place = places[index]
                throw fault
            }
        }
        return all
    }

    private static func items(
        _ records: [TaskRecord], _ definition: TaskDefinition
    ) throws(Fault) -> [TaskItem] {
        var items: [TaskItem] = []
        items.reserveCapacity(records.count)
        for record in records { items.append(try definition.item(record)) }
        return items
    }

    private static func find(_ files: [TaskDefinition.DataFile], in folders: [String]) -> RecordFile? {
        if let file = files.first(where: \.isResolved) { return RecordFile(file.path, file.format) }
        for folder in folders {
            for file in files {
                let path = folder + "/" + file.path
                guard FilePresence.isThere(path) else { continue }
                if case .jsonLinesWithLabels(let labels) = file.format {
                    return RecordFile(path, .jsonLinesWithLabels(folder + "/" + labels))
                }
                return RecordFile(path, file.format)
            }
        }
        return nil
    }

    private static func missing(_ definition: TaskDefinition, _ folders: [String]) -> Fault {
        Fault(
            .missingInput, "there is no data for the task \(definition.name)",
            file: folders.joined(separator: ", "), found: "none of its files",
            expected: "one of " + definition.files.map(\.path).joined(separator: ", "),
            advice: "put the data set's published file there, or pass another folder with --task-data")
    }
}
