/// What a gate decided, and why.
public struct GateVerdict: Equatable, Sendable {
    public enum Outcome: String, Sendable {
        case passed = "pass"
        case failed = "fail"
        case notComparable = "not comparable"
        /// Of an optional rule whose figure was not measured; it decides nothing.
        case skipped

        /// Of the process.
        public var exitCode: Int32 {
            switch self {
            case .passed, .skipped: 0
            case .failed: 2
            case .notComparable: 3
            }
        }
    }

    /// One figure compared with one limit.
    public struct Check: Equatable, Sendable {
        public var rule: String
        /// The text, task or quantity; empty where the rule has only one figure. Made legible.
        public var subject: String
        public var outcome: Outcome
        public var value: Double?
        /// "at most 1.1"
        public var limit: String
        /// One line, legible.
        public var reason: String
    }

    public var stage: String
    public var checks: [Check]
    /// What a reader should know; it decides nothing.
    public var notes: [String]

    /// What is not comparable outweighs what failed: nothing is known before the results belong together. Where every
    /// rule was skipped, nothing was checked.
    public var outcome: Outcome {
        if count(.notComparable) > 0 { return .notComparable }
        if count(.failed) > 0 { return .failed }
        return count(.passed) > 0 ? .passed : .notComparable
    }

    /// How many checks ended in this way.
    public func count(_ outcome: Outcome) -> Int { checks.count { $0.outcome == outcome } }

    /// The verdict in one line, with the checks that the one word hides: "not comparable (2 of 5 checks; 1 fails)".
    public var headline: String {
        func fail(_ count: Int) -> String { "\(count) \(count == 1 ? "fails" : "fail")" }
        let skipped = count(.skipped)
        let made = checks.count - skipped
        let checked = "\(made) \(made == 1 ? "check" : "checks")"
        var parts: [String]
        switch outcome {
        case .passed: parts = ["\(checked)"]
        case .failed: parts = ["\(count(.failed)) of \(checked)"]
        case .notComparable where made == 0: parts = ["nothing was checked"]
        case .notComparable:
            parts = ["\(count(.notComparable)) of \(checked)"]
            if count(.failed) > 0 { parts.append(fail(count(.failed))) }
        case .skipped: parts = []
        }
        if skipped > 0 { parts.append("\(skipped) skipped") }
        return outcome.rawValue + " (" + parts.joined(separator: "; ") + ")"
    }
}
