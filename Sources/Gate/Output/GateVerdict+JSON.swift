import Faults
import JSONText

extension GateVerdict {
    /// The document that `gate --json` prints.
    public var json: JSONValue {
        .object([
            "verdict": .string(outcome.rawValue), "stage": .string(stage), "failed": .integer(count(.failed)),
            "not_comparable": .integer(count(.notComparable)), "skipped": .integer(count(.skipped)),
            "checks": .array(
                checks.map { check in
                    .object([
                        "rule": .string(check.rule), "subject": .string(check.subject),
                        "outcome": .string(check.outcome.rawValue), "value": check.value.map { .double($0) } ?? .null,
                        "limit": .string(check.limit), "reason": .string(check.reason),
                    ])
                }), "notes": .array(notes.map(JSONValue.string)),
        ])
    }
}

extension GateVerdict {
    /// Reads what `gate --output` wrote.
    ///
    /// - Throws: `badData` for what is no verdict, or one that does not follow from its checks.
    public init(_ document: JSONObject, file: String) throws(Fault) {
        func fault(_ summary: String, _ place: String) -> Fault {
            Fault(
                .badData, summary, file: file, place: place, expected: "what `espalier gate --output FILE` writes",
                advice: "run the gate again, or remove the file")
        }
        guard let stage = document["stage"]?.stringValue else { throw fault("this is not a gate's verdict", "stage") }
        guard let list = document["checks"]?.arrayValue else { throw fault("this is not a gate's verdict", "checks") }
        var checks: [Check] = []
        for (index, value) in list.enumerated() {
            guard let object = value.objectValue, let rule = object["rule"]?.stringValue,
                let outcome = Outcome(rawValue: object["outcome"]?.stringValue ?? "")
            else { throw fault("this is not a check of a gate", "check \(index + 1)") }
            func text(_ key: String) -> String { object[key]?.stringValue ?? "" }
            checks.append(
                Check(
                    rule: rule, subject: text("subject"), outcome: outcome, value: object["value"]?.doubleValue,
                    limit: text("limit"), reason: text("reason")))
        }
        let notes = (document["notes"]?.arrayValue ?? []).compactMap(\.stringValue)
        self.init(stage: stage, checks: checks, notes: notes)
        guard document["verdict"]?.stringValue == outcome.rawValue else {
            throw fault("the verdict does not follow from its checks", "verdict")
        }
    }
}
