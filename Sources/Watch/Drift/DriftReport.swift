import Faults
import JSONText

/// What the history says about drift.
public struct DriftReport: Equatable, Sendable {
    /// A series that is watched.
    public enum Signal: String, Sendable, CaseIterable {
        /// Divergence from the reference.
        case kl
        /// Mean loss on the prompts of users.
        case loggedLoss = "logged_loss"

        func value(_ interval: WatchInterval) -> Double? {
            switch self {
            case .kl: interval.kl
            case .loggedLoss: interval.logged?.meanLoss
            }
        }
    }

    /// The evidence for a change of one series in one direction.
    public struct Finding: Equatable, Sendable {
        public var signal: Signal
        public var direction: DriftMonitor.Direction
        /// The largest fortune since the baseline began.
        public var evidence: Double
        /// Intervals of the baseline that have a value.
        public var intervals: Int
        /// The time of the interval with which the change most likely began.
        public var since: String?
        /// The last value, and the median of those before the change.
        public var last: Double
        public var usual: Double
    }

    /// The chance of a false alarm over the whole history.
    public var alpha: Double
    public var findings: [Finding]
    /// Times of intervals whose predictions were not numbers.
    public var notNumbers: [String]
    /// The first change of the model's files within the baseline: the times and paths before and after it.
    public var changedModel: ChangedModel?

    /// The first time within the baseline at which golden answers were wrong that were right at its begin.
    public var brokenAnswers: BrokenAnswers?

    /// Golden prompts that are no longer answered as expected.
    public struct BrokenAnswers: Equatable, Sendable {
        public var time: String
        /// Of the prompts.
        public var names: [String]
    }

    /// Two intervals in a row that measured different models.
    public struct ChangedModel: Equatable, Sendable {
        public var time: String
        public var before: String
        public var after: String
    }

    public static let defaultAlpha = 0.01

    /// The evidence that raises an alarm: each of the four series-and-directions has a quarter of alpha, and by Ville's
    /// inequality and the union bound the chance that any of them ever gets there is at most alpha.
    public var threshold: Double { DriftReport.threshold(alpha) }

    static func threshold(_ alpha: Double) -> Double {
        Double(Signal.allCases.count * DriftMonitor.Direction.allCases.count) / alpha
    }

    public var isAlarm: Bool {
        !notNumbers.isEmpty || changedModel != nil || brokenAnswers != nil
            || findings.contains { $0.evidence >= threshold }
    }

    /// - Parameters:
    ///   - intervals: of one baseline, in their order.
    ///   - alpha: in (0, 1)
    public init(_ intervals: some Collection<WatchInterval>, alpha: Double = DriftReport.defaultAlpha) {
        self.alpha = alpha
        notNumbers = intervals.filter { $0.kl.isNaN || $0.logged?.meanLoss.isNaN == true }.map(\.time)
        changedModel = DriftReport.changedModel(intervals)
        brokenAnswers = DriftReport.brokenAnswers(intervals)
        findings = []
        for signal in Signal.allCases {
            let series = intervals.compactMap { interval in signal.value(interval).map { (interval.time, $0) } }
            guard !series.isEmpty else { continue }
            for direction in DriftMonitor.Direction.allCases {
                findings.append(DriftReport.finding(signal, direction, series, DriftReport.threshold(alpha)))
            }
        }
    }

    /// Lines that older versions wrote do not say which files they measured.
    private static func changedModel(_ intervals: some Collection<WatchInterval>) -> ChangedModel? {
        var last: WatchInterval?
        for interval in intervals where interval.fingerprint != nil {
            if let last, last.fingerprint != interval.fingerprint {
                return ChangedModel(time: interval.time, before: last.model, after: interval.model)
            }
            last = interval
        }
        return nil
    }

    /// Prompts that the model answered wrongly from the begin say nothing about a change.
    private static func brokenAnswers(_ intervals: some Collection<WatchInterval>) -> BrokenAnswers? {
        guard let first = intervals.lazy.compactMap(\.golden).first else { return nil }
        let known = Set(first.failed.map(\.number))
        for interval in intervals {
            let broken = (interval.golden?.failed ?? []).filter { !known.contains($0.number) }
            if !broken.isEmpty { return BrokenAnswers(time: interval.time, names: broken.map(\.name)) }
        }
        return nil
    }

    private static func finding(
        _ signal: Signal, _ direction: DriftMonitor.Direction, _ series: [(time: String, value: Double)],
        _ threshold: Double
    ) -> Finding {
        // Fixed by the series' name: it must not depend on the values, and a history read again must say the same.
        let name = signal.rawValue + direction.rawValue
        var monitor = DriftMonitor(
            direction,
            seed: name.utf8.reduce(14_695_981_039_346_656_037) {
                ($0 ^ UInt64($1)) &* 1_099_511_628_211
            })
        var onset: Int?
        for (_, value) in series {
            let wasQuiet = monitor.largestEvidence < threshold
            monitor.add(value)
            // As it looked when the alarm was raised; later values blur it.
            if wasQuiet, monitor.largestEvidence >= threshold { onset = monitor.onset }
        }
        let isFound = monitor.largestEvidence >= threshold
        let before = series.prefix(isFound ? (onset ?? 1) - 1 : series.count - 1).map(\.value).filter { !$0.isNaN }
        return Finding(
            signal: signal, direction: direction, evidence: monitor.largestEvidence, intervals: series.count,
            since: isFound ? onset.map { series[$0 - 1].time } : nil, last: series.last?.value ?? .nan,
            usual: before.isEmpty ? .nan : before.sorted()[before.count / 2])
    }

    /// Why there is an alarm: one line for each cause.
    public var reasons: [String] {
        var reasons =
            notNumbers.isEmpty
            ? [] : ["the model's predictions were NaN or infinite at \(notNumbers[0])"]
        if let changed = changedModel {
            let paths =
                changed.before.utf8.elementsEqual(changed.after.utf8)
                ? changed.after : "\(changed.before), then \(changed.after)"
            reasons.append(
                "the model's files changed at \(changed.time) (\(paths)): if that was intended, start a new baseline "
                    + "with "
                    + "--new-baseline")
        }
        if let broken = brokenAnswers {
            let more = broken.names.count > 3 ? ", and \(broken.names.count - 3) more" : ""
            reasons.append(
                "golden prompts that were answered as expected no longer were at \(broken.time): "
                    + broken.names.prefix(3).joined(separator: ", ") + more)
        }
        for finding in findings where finding.evidence >= threshold {
            let (what, meaning): (String, String) =
                switch (finding.signal, finding.direction) {
                case (.kl, .rise): ("the divergence from the dense model rose", "the answers got worse")
                case (.kl, .fall): ("the divergence from the dense model fell", "is another model being served?")
                case (.loggedLoss, .rise): ("the loss on the logged prompts rose", "the answers or the traffic changed")
                case (.loggedLoss, .fall): ("the loss on the logged prompts fell", "the model or the traffic changed")
                }
            let since = finding.since.map { " since \($0)" } ?? ""
            reasons.append(
                "\(what) from \(short(finding.usual)) to \(short(finding.last))\(since); \(meaning) (evidence "
                    + "\(short(finding.evidence)), alarm at \(short(threshold)))")
        }
        return reasons
    }

    private func short(_ value: Double) -> String {
        guard value.isFinite else { return "not finite" }
        guard value.magnitude < 1e15 else { return "more than 1,000,000,000,000,000" }
        guard value.magnitude < 100 else { return CountText.of(Int(value.rounded())) }
        return "\((value * 10_000).rounded() / 10_000)"
    }

    public var json: JSONValue {
        .object([
            "alarm": .bool(isAlarm), "alpha": .double(alpha), "threshold": .double(threshold),
            "findings": .array(
                findings.map { finding in
                    .object([
                        "signal": .string(finding.signal.rawValue), "direction": .string(finding.direction.rawValue),
                        "evidence": .double(finding.evidence), "intervals": .integer(finding.intervals),
                        "since": finding.since.map { .string($0) } ?? .null, "last": .double(finding.last),
                        "usual": .double(finding.usual),
                    ])
                }), "reasons": .array(reasons.map(JSONValue.string)),
        ])
    }
}
