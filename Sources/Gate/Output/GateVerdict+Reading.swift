import Faults
import JSONText

extension GateVerdict {
    /// Reads what `gate --output` wrote.
    ///
    /// - Throws: `badData` for what is no verdict, or one that does not follow from its checks.
    public init(_ document: JSONObject, file: String) throws(Fault) {
        func fault(_ summary: String, _ place: String) -> Fault {
            Fault(
                .badData, summary, file: file, place: place, expected: "what `espalier gate --output FILE` writes",
                advice: "let the gate decide again, or remove the file")
        }
        guard let stage = document["stage"]?.stringValue else { throw fault("this is no gate's verdict", "stage") }
        guard let list = document["checks"]?.arrayValue else { throw fault("this is no gate's verdict", "checks") }
        var checks: [Check] = []
        for (index, value) in list.enumerated() {
            guard let object = value.objectValue, let rule = object["rule"]?.stringValue,
                let outcome = Outcome(rawValue: object["outcome"]?.stringValue ?? "")
            else { throw fault("this is no check of a gate", "check \(index + 1)") }
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
