import Faults
import Settings

/// The shape that zeros may take.
public enum Pattern: OptionValue, Hashable {
    /// Anywhere within a comparison group.
    case unstructured
    /// In every M consecutive input columns of a row, K weights stay (0 < K < M ≤ 64): 2:4 keeps 2 of 4.
    case keep(Int, of: Int)

    /// The longest group that a K:M pattern may have.
    public static let longestGroup = 64

    static let unstructuredText = "unstructured"

    /// Reads "unstructured" or "K:M".
    public init(parsing text: String) throws(Fault) {
        try self.init(parsing: text, among: [Pattern.unstructuredText])
    }

    /// - Parameter words: that are allowed where the text stands, for the message.
    init(parsing text: String, among words: [String]) throws(Fault) {
        if text == Pattern.unstructuredText {
            self = .unstructured
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let kept: Int = PlainNumber.integer(parts[0]),
            let group: Int = PlainNumber.integer(parts[1])
        else {
            throw Fault(
                .usage, "unknown pattern", found: text,
                expected: "\(words.joined(separator: ", ")), or K:M such as 2:4 to keep 2 of every 4",
                advice: NearestName.of(text, among: words).map { "did you mean \($0)?" })
        }
        guard kept > 0, kept < group, group <= Pattern.longestGroup else {
            throw Fault(
                .usage, "the pattern keeps an impossible number of weights", found: text,
                expected: "K:M with 0 < K < M ≤ \(Pattern.longestGroup), which keeps K of every M weights",
                advice: kept > group && group > 0 && kept <= Pattern.longestGroup
                    ? "did you mean \(group):\(kept)?" : nil)
        }
        self = .keep(kept, of: group)
    }

    public var text: String {
        switch self {
        case .unstructured: Pattern.unstructuredText
        case .keep(let kept, let group): "\(kept):\(group)"
        }
    }

    /// The fraction that the pattern itself removes, or nil where the sparsity is free.
    public var impliedFraction: Double? {
        switch self {
        case .unstructured: nil
        case .keep(let kept, let group): Double(group - kept) / Double(group)
        }
    }
}
