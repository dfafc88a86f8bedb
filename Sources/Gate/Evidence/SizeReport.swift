import Faults
import JSONText
import Records

/// Sizes before and after pruning, from a run's `report.json`.
public struct SizeReport: Sendable {
    public enum Quantity: String, CaseIterable, Sendable {
        case parameters
        case bytes
    }

    public let file: String
    private let root: JSONObject

    /// - Throws: `badData` for what is not a JSON object.
    public init(parsing bytes: [UInt8], file: String) throws(Fault) {
        self.file = file
        root = try ResultsFile.object(bytes, file: file)
    }

    /// Whether weights were removed, not only set to zero.
    var isSmaller: Bool { root[.structure] != nil }

    func sizes(_ quantity: Quantity) -> (before: Figure, after: Figure) {
        var object = root[quantity.rawValue]?.objectValue
        // A run under a budget of bytes tells them there.
        if object == nil, quantity == .bytes, let budget = root[.structure]?.objectValue?[.budget]?.objectValue,
            budget[.of]?.stringValue == quantity.rawValue
        {
            object = budget
        }
        return (Figure(object?[.before]), Figure(object?[.after]))
    }
}
