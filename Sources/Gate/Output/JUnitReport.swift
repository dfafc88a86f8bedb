/// A verdict as JUnit XML: a test for each check, failed ones as failures, those not comparable as errors.
public enum JUnitReport {
    public static func text(_ verdict: GateVerdict) -> String {
        let failures = verdict.count(.failed)
        let errors = verdict.count(.notComparable)
        let suite = attribute("espalier gate " + verdict.stage)
        let skipped = verdict.count(.skipped)
        let counts = "tests=\"\(verdict.checks.count)\" failures=\"\(failures)\" errors=\"\(errors)\""
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<testsuites name=\(suite) \(counts)>",
            "  <testsuite name=\(suite) \(counts) skipped=\"\(skipped)\">",
        ]
        for check in verdict.checks {
            let name = attribute(check.rule + (check.subject.isEmpty ? "" : " " + check.subject))
            let head = "    <testcase classname=\(attribute("espalier.gate." + verdict.stage)) name=\(name)"
            // "0.5 exceeds 0.1" names the limit already.
            let isLimitNamed = check.limit.split(separator: " ").last.map { check.reason.contains($0) } ?? false
            let message = attribute(isLimitNamed ? check.reason : "\(check.reason) (\(check.limit))")
            switch check.outcome {
            case .passed: lines.append(head + "/>")
            case .failed: lines.append(head + "><failure type=\"limit\" message=\(message)/></testcase>")
            case .notComparable:
                lines.append(head + "><error type=\"not comparable\" message=\(message)/></testcase>")
            case .skipped: lines.append(head + "><skipped message=\(message)/></testcase>")
            }
        }
        if !verdict.notes.isEmpty {
            lines.append("    <system-out>\(verdict.notes.map(escaped).joined(separator: "\n"))</system-out>")
        }
        return (lines + ["  </testsuite>", "</testsuites>", ""]).joined(separator: "\n")
    }

    private static func attribute(_ text: String) -> String { "\"" + escaped(text) + "\"" }

    /// Text for an attribute in double quotes or between tags; what XML 1.0 cannot hold becomes U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\t", "\n", "\r": result += "&#\(scalar.value);"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
