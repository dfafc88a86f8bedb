import EspalierKit
import Faults
import Foundation
import Watch

extension WatchRun.WrittenReference {
    /// For people.
    var text: String {
        """
        \(Fault.harmless(path)): \(Amount.count(reference.prompts.count, "prompt")), \
        \(Amount.count(reference.positions, "position")), the \(reference.topCount) likeliest tokens of each; all \
        others have \(Amount.percent(meanRest, 2)) of the probability\n
        """
    }
}

extension WatchRun.Report {
    /// For people.
    ///
    /// - Parameter hasReasons: whether it says why there is an alarm, which standard error says, too.
    func text(hasReasons: Bool) -> String {
        var table = TextTable(leftColumns: 2)
        table.add("time", interval.time)
        table.add(
            "divergence",
            "\(Amount.fixed(interval.kl, 4)) nats over \(Amount.count(interval.positions, "position"))")
        table.add("same top token", Amount.percent(interval.topAgreement, 2))
        if let logged = interval.logged {
            table.add(
                "logged prompts",
                "perplexity \(Amount.fixed(exp(logged.meanLoss), 3)) over \(Amount.count(logged.tokens, "token")) of "
                    + Amount.count(logged.prompts, "prompt"))
        }
        if let golden = interval.golden {
            let names = golden.failed.prefix(3).map { Fault.harmless($0.name) }.joined(separator: ", ")
            let more = golden.failed.count > 3 ? ", …" : ""
            table.add(
                "golden prompts",
                "\(Amount.count(golden.held)) of \(Amount.count(golden.prompts)) answered as expected"
                    + (names.isEmpty ? "" : "; not: \(names)\(more)"))
        }
        table.add("intervals", Amount.count(count))
        let most = drift.findings.map(\.evidence).max() ?? 1
        table.add("evidence of drift", "\(Amount.fixed(most, 1)), alarm at \(Amount.fixed(drift.threshold, 0))")
        let reasons =
            hasReasons ? drift.reasons.map { "ALARM: \(Fault.harmless($0, limit: 1000))\n" }.joined() : ""
        let young =
            count <= DriftMonitor.leastBaseline && !drift.isAlarm
            ? "baseline \(count) of \(DriftMonitor.leastBaseline); drift detection starts at interval "
                + "\(DriftMonitor.leastBaseline + 1)\n"
            : ""
        return table.text + young + reasons
    }
}
