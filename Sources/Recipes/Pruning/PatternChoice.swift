import Faults
import Settings

/// What a recipe's `pattern` says: where zeros stand, or that none are made because whole units go.
public enum PatternChoice: OptionValue, Hashable {
    case zeros(Pattern)
    /// Attention heads and neurons go: "structured".
    case units

    public static let unstructured = PatternChoice.zeros(.unstructured)
    /// K weights of every M consecutive input columns stay.
    public static func keep(_ kept: Int, of group: Int) -> PatternChoice { .zeros(.keep(kept, of: group)) }

    private static let unitsText = "structured"

    /// Reads "unstructured", "structured" or "K:M".
    public init(parsing text: String) throws(Fault) {
        self =
            text == PatternChoice.unitsText
            ? .units : .zeros(try Pattern(parsing: text, among: [Pattern.unstructuredText, PatternChoice.unitsText]))
    }

    public var text: String {
        switch self {
        case .zeros(let pattern): pattern.text
        case .units: PatternChoice.unitsText
        }
    }

    /// Nil where whole units go.
    public var zeros: Pattern? {
        switch self {
        case .zeros(let pattern): pattern
        case .units: nil
        }
    }

    /// Whether it keeps K of every M.
    var groups: Bool { if case .zeros(.keep) = self { true } else { false } }

    /// The fraction that the pattern itself removes, or nil where the sparsity is free.
    public var impliedFraction: Double? { zeros?.impliedFraction }
}
