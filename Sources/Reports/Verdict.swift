/// What a run's figures say about a roll-out, by limits that the page names.
public struct Verdict: Equatable, Sendable {
    public enum Decision: String, Sendable {
        case go
        /// Better than nothing is known, worse than the limits for everyone.
        case canary
        case noGo = "no-go"
        case unknown
    }

    /// The worst that each decision allows.
    public struct Limits: Equatable, Sendable {
        public var goRatio = 1.1
        public var canaryRatio = 1.3
        public var goAgreement = 0.8

        public init() {}
    }

    public let decision: Decision
    public let reason: String

    public init(_ run: PublishedRun, limits: Limits) {
        guard let text = run.text else {
            decision = .unknown
            reason =
                "It was not evaluated: put the output of evaluate --against DENSE --output into the folder as results.json."
            return
        }
        guard let ratio = text.ratio, ratio.isFinite else {
            decision = text.perplexity == nil ? .noGo : .unknown
            reason =
                text.perplexity == nil
                ? "Its predictions are not numbers."
                : "It was not compared with the dense model: evaluate it with --against DENSE."
            return
        }
        let found = "perplexity is \(Figure.fixed(ratio, 2)) times the dense model's"
        let agreement = text.topAgreement ?? 0
        if ratio <= limits.goRatio, agreement >= limits.goAgreement {
            decision = .go
            reason = "Its \(found), and \(Figure.percent(agreement, 0)) of its likeliest tokens are the same."
        } else if ratio <= limits.canaryRatio {
            decision = .canary
            reason =
                "Its \(found) and \(Figure.percent(agreement, 0)) of its likeliest tokens are the same: good enough to be tried on a "
                + "share of real traffic, not to replace the dense model."
        } else {
            decision = .noGo
            reason = "Its \(found); the limit for a trial is \(Figure.fixed(limits.canaryRatio, 2))."
        }
    }
}
