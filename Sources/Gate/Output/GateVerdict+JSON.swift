import JSONText

extension GateVerdict {
    /// The document that `gate --json` prints.
    public var json: JSONValue {
        .object([
            "verdict": .string(outcome.rawValue), "stage": .string(stage),
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
