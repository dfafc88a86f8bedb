import Gate

/// Whether a run may go on, and by whose word: a gate's where the folder holds one, else limits that the page names.
public struct Verdict: Equatable, Sendable {
    public enum Decision: String, Sendable {
        case go
        /// For a share of the users.
        case canary
        /// For a trial that no user sees.
        case poc
        case noGo = "no-go"
        case unknown

        /// What a reader sees first.
        var words: String {
            switch self {
            case .go: "Go"
            case .canary: "Try it on a share of the traffic"
            case .poc: "Try it where no user sees it"
            case .noGo: "No-go"
            case .unknown: "Not known"
            }
        }
    }

    public enum Origin: Equatable, Sendable {
        case gate(stage: String)
        case limits
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
    public let origin: Origin

    /// - Parameter text: the one that the page's own limits are held against.
    public init(_ run: PublishedRun, text: PublishedRun.Text?, limits: Limits) {
        if let gate = run.gate {
            origin = .gate(stage: gate.stage)
            (decision, reason) = Verdict.decision(gate)
        } else {
            origin = .limits
            let isBroken = run.texts.contains { $0.perplexity?.isFinite != true }
            (decision, reason) =
                isBroken
                ? (.noGo, "Its predictions are not numbers: the model is broken.") : Verdict.decision(text, limits)
        }
    }

    private static func decision(_ gate: GateVerdict) -> (Decision, String) {
        let made = gate.checks.count - gate.count(.skipped)
        let failed = gate.count(.failed)
        let unknown = gate.count(.notComparable)
        switch gate.outcome {
        case .passed, .skipped:
            let reason = "All \(made) checks of the stage hold."
            switch gate.stage {
            case "full": return (.go, reason)
            case "canary": return (.canary, reason)
            case "poc": return (.poc, reason)
            default: return (.unknown, "It passed a stage that this page does not know.")
            }
        case .failed:
            return (
                .noGo, "\(failed) of \(made) checks of the stage \(failed == 1 ? "does" : "do") not hold."
            )
        case .notComparable:
            return (
                .unknown,
                "\(unknown) of \(made) checks could not be made: nothing is known before they can."
            )
        }
    }

    private static func decision(_ text: PublishedRun.Text?, _ limits: Limits) -> (Decision, String) {
        guard let text else {
            return (
                .unknown,
                "It was not evaluated: put the output of evaluate --against DENSE --output into the folder as results.json."
            )
        }
        guard let ratio = text.ratio, ratio.isFinite else {
            return (.unknown, "It was not compared with the dense model: evaluate it with --against DENSE.")
        }
        let found = "perplexity is \(Figure.fixed(ratio, 2)) times the dense model's"
        let agreement = text.topAgreement ?? 0
        let same = "\(Figure.percent(agreement, 0)) of its likeliest next tokens are the same"
        if ratio <= limits.goRatio, agreement >= limits.goAgreement {
            return (.go, "Its \(found), and \(same).")
        }
        if ratio <= limits.canaryRatio {
            return (
                .canary,
                "Its \(found) and \(same): good enough to be tried on a share of real traffic, not to replace the dense model."
            )
        }
        return (.noGo, "Its \(found); the limit for a trial is \(Figure.fixed(limits.canaryRatio, 2)).")
    }
}
