import JSONText

/// What `espalier gate` decided about a run, of the file that its `--output` wrote.
public struct GateDecision: Equatable, Sendable {
    /// Its name in the run's folder.
    public static let file = "gate.json"

    public enum Outcome: String, Sendable {
        case passed = "pass"
        case failed = "fail"
        case notComparable = "not comparable"
    }

    public struct Check: Equatable, Sendable {
        public var rule: String
        public var subject: String
        public var outcome: String
        public var limit: String
        public var reason: String
    }

    /// poc, canary or full.
    public var stage: String
    public var outcome: Outcome
    public var checks: [Check]
    public var notes: [String]

    /// A verdict that is none of the three counts as one that could not be reached.
    init(_ document: JSONObject) {
        func text(_ object: JSONObject?, _ key: String) -> String { object?[key]?.stringValue ?? "" }
        stage = text(document, "stage")
        outcome = Outcome(rawValue: text(document, "verdict")) ?? .notComparable
        checks = (document["checks"]?.arrayValue ?? []).map { check in
            let object = check.objectValue
            return Check(
                rule: text(object, "rule"), subject: text(object, "subject"), outcome: text(object, "outcome"),
                limit: text(object, "limit"), reason: text(object, "reason"))
        }
        notes = (document["notes"]?.arrayValue ?? []).compactMap(\.stringValue)
    }
}
