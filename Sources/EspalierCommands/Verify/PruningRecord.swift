import Faults
import JSONText
import Recipes

/// The part of a run's `report.json` that its weights can be held against.
struct PruningRecord: Equatable {
    static let fileName = "report.json"

    /// "2:4", "unstructured", …
    var pattern: String
    /// Names of the pruned weights.
    var linears: [String]
    /// What the pattern demands, for a K:M one.
    var keepOf: (keep: Int, group: Int)?

    static func == (left: PruningRecord, right: PruningRecord) -> Bool {
        left.pattern == right.pattern && left.linears == right.linears
    }

    /// Nil when the report names no pattern.
    ///
    /// - Throws: `badData` when it is not JSON or what it says cannot be understood.
    init?(folder: String) throws(Fault) {
        let path = folder + "/" + PruningRecord.fileName
        let json: JSONValue
        do throws(Fault) { json = try JSONValue(parsing: try ReadableFile.bytes(path)) } catch {
            throw error.inFile(path)
        }
        guard let pattern = json.objectValue?["pattern"]?.stringValue else { return nil }
        guard let names = json.objectValue?["linears"]?.arrayValue else {
            throw Fault(
                .badData, "the report names a pattern but not the weights that have it", file: path,
                place: "key 'linears'", expected: "the names of the pruned weights")
        }
        self.pattern = pattern
        linears = names.compactMap(\.stringValue)
        guard linears.count == names.count else {
            throw Fault(.badData, "a pruned weight has no name", file: path, place: "key 'linears'")
        }
        do throws(Fault) {
            if case .keep(let keep, let group) = try Pattern(parsing: pattern) { keepOf = (keep, group) }
        } catch {
            throw Fault(
                .badData, error.summary, file: path, place: "key 'pattern'", found: error.found,
                expected: error.expected)
        }
    }
}
