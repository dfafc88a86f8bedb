/// What a gate decided, and why.
public struct GateVerdict: Equatable, Sendable {
    public enum Outcome: String, Sendable {
        case passed = "pass"
        case failed = "fail"
        case notComparable = "not comparable"

        /// Of the process.
        public var exitCode: Int32 {
            switch self {
            case .passed: 0
            case .failed: 2
            case .notComparable: 3
            }
        }
    }

    /// One figure held against one limit.
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

    /// What is not comparable outweighs what failed: nothing is known before the results belong together.
    public var outcome: Outcome {
        if checks.isEmpty || checks.contains(where: { $0.outcome == .notComparable }) { return .notComparable }
        return checks.contains { $0.outcome == .failed } ? .failed : .passed
    }
}
