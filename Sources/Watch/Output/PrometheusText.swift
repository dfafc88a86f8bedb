/// The last interval in Prometheus' text form, for the node exporter's textfile collector.
public enum PrometheusText {
    static let longestLabel = 200

    public static func of(_ interval: WatchInterval, _ drift: DriftReport, timestamp: Double) -> String {
        let labels = "{model=\"\(escaped(interval.model))\"}"
        var text = ""
        func gauge(_ name: String, _ help: String, _ values: [(labels: String, value: Double)]) {
            guard !values.isEmpty else { return }
            text += "# HELP espalier_watch_\(name) \(help)\n# TYPE espalier_watch_\(name) gauge\n"
            for (labels, value) in values { text += "espalier_watch_\(name)\(labels) \(number(value))\n" }
        }
        gauge("kl_nats", "Mean divergence from the dense model's stored predictions.", [(labels, interval.kl)])
        gauge(
            "top1_agreement_ratio", "Positions with the dense model's likeliest token.",
            [(labels, interval.topAgreement)])
        gauge("reference_positions", "Scored positions of the reference.", [(labels, Double(interval.positions))])
        if let logged = interval.logged {
            gauge(
                "logged_loss_nats", "Mean negative log-likelihood of logged tokens.", [(labels, logged.meanLoss)])
            gauge("logged_tokens", "Scored tokens of the logged prompts.", [(labels, Double(logged.tokens))])
        }
        if let golden = interval.golden {
            gauge("golden_prompts", "Golden prompts that were asked.", [(labels, Double(golden.prompts))])
            gauge("golden_held", "Golden prompts that were answered as expected.", [(labels, Double(golden.held))])
        }
        gauge(
            "drift_evidence", "Evidence for a lasting change; an alarm at espalier_watch_drift_threshold.",
            drift.findings.map { finding in
                (
                    "{model=\"\(escaped(interval.model))\",signal=\"\(finding.signal.rawValue)\","
                        + "direction=\"\(finding.direction.rawValue)\"}", finding.evidence
                )
            })
        gauge("drift_threshold", "Evidence that raises an alarm.", [(labels, drift.threshold)])
        gauge("alarm", "1 while there is an alarm.", [(labels, drift.isAlarm ? 1 : 0)])
        gauge("timestamp_seconds", "When this was measured, in Unix time.", [(labels, timestamp)])
        return text
    }

    static func number(_ value: Double) -> String {
        value.isNaN ? "NaN" : value.isInfinite ? (value > 0 ? "+Inf" : "-Inf") : "\(value)"
    }

    /// A label's value: backslash, quote and line break escaped, other control characters replaced, long ones cut.
    static func escaped(_ text: String) -> String {
        var result = ""
        for (count, scalar) in text.unicodeScalars.enumerated() {
            if count == longestLabel { return result + "…" }
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default:
                result.unicodeScalars.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
            }
        }
        return result
    }
}
