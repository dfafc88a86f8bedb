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

    /// - Parameter run: judged by all texts that it was compared with the dense model on, that is by the worst of them.
    public init(_ run: PublishedRun, limits: Limits) {
        if let gate = run.gate {
            origin = .gate(stage: gate.stage)
            (decision, reason) = Verdict.decision(gate)
        } else {
            origin = .limits
            let isBroken = run.texts.contains { $0.perplexity?.isFinite != true }
            (decision, reason) =
                isBroken
                ? (.noGo, "Its predictions are NaN or infinite: the model is broken.") : Verdict.decision(run, limits)
        }
    }

    private static func decision(_ gate: GateVerdict) -> (Decision, String) {
        let count = gate.checks.count - gate.count(.skipped)
        let failed = gate.count(.failed)
        let unknown = gate.count(.notComparable)
        func part(_ number: Int) -> String { number == count && count > 1 ? "all \(count)" : "\(number) of \(count)" }
        switch gate.outcome {
        case .passed, .skipped:
            let reason = count == 1 ? "The stage's only check passed." : "All \(count) checks of the stage passed."
            switch gate.stage {
            case "full": return (.go, reason)
            case "canary": return (.canary, reason)
            case "poc": return (.poc, reason)
            default: return (.unknown, "It passed a stage that this page does not know.")
            }
        case .failed:
            return (
                .noGo, count == 1 ? "The stage's only check failed." : "Of the stage's checks \(part(failed)) failed."
            )
        case .notComparable:
            guard count > 0 else { return (.unknown, "None of the stage's checks was made, so nothing was decided.") }
            let also = failed == 0 ? "" : ", and \(part(failed)) failed"
            let open =
                count == 1
                ? "The stage's only check could not be made"
                : "Of the stage's checks \(part(unknown)) could not be made"
            return (.unknown, "\(open)\(also). Nothing is decided until every check can be made.")
        }
    }

    private static func decision(_ run: PublishedRun, _ limits: Limits) -> (Decision, String) {
        guard !run.texts.isEmpty else {
            return (
                .unknown,
                "It was not evaluated on any text: put the output of evaluate --against DENSE --output into the "
                    + "folder as results.json."
            )
        }
        guard let worst = run.worstText, let ratio = worst.ratio else {
            return (.unknown, "It was not compared with the dense model: evaluate it with --against DENSE.")
        }
        let isOne = run.comparedTexts.count == 1
        let worstOf =
            run.comparedTexts.count == 2
            ? "the worse of its 2 texts" : "the worst of its \(run.comparedTexts.count) texts"
        func found(_ limit: Double) -> String {
            let times = Figure.apart(ratio, from: limit) { Figure.fixed($0, $1) }
            return isOne
                ? "Its perplexity is \(times) times the dense model's"
                : "On \(worst.name), \(worstOf), its perplexity is \(times) times the dense model's"
        }
        guard ratio <= limits.canaryRatio else {
            return (
                .noGo,
                "\(found(limits.canaryRatio)); the limit for a trial is \(Figure.fixed(limits.canaryRatio, 2)) times."
            )
        }
        let least = run.leastAgreement
        let share = least.map { least in
            let percent = Figure.apart(least.value, from: limits.goAgreement, digits: 0) { Figure.percent($0, $1) }
            return "it predicts the same next token as the dense model \(percent) of the time"
                + (isOne ? "" : " (on \(least.text))")
        }
        let agreement = share ?? "how often both models predict the same next token was not measured"
        if ratio <= limits.goRatio, let least, least.value >= limits.goAgreement {
            return (.go, "\(found(limits.goRatio)), and \(agreement).")
        }
        return (
            .canary,
            "\(found(limits.goRatio)), and \(agreement). A go needs at most \(Figure.fixed(limits.goRatio, 2)) times "
                + "and at least "
                + "\(Figure.percent(limits.goAgreement, 0)): it may be tried on a share of real traffic, and does "
                + "not replace the dense model."
        )
    }
}

extension PublishedRun {
    /// Those on which the dense model was measured, too.
    var comparedTexts: [Text] { texts.filter { $0.ratio?.isFinite == true } }

    /// The one that the pruned model does worst on.
    var worstText: Text? { comparedTexts.max { ($0.ratio ?? 0) < ($1.ratio ?? 0) } }

    /// How often both models predict the same next token where they do least; nil where it is not known of every text
    /// that was compared.
    var leastAgreement: (text: String, value: Double)? {
        let known = comparedTexts.compactMap { text in
            text.topAgreement.flatMap { $0.isFinite ? (text: text.name, value: $0) : nil }
        }
        return known.count == comparedTexts.count ? known.min { $0.value < $1.value } : nil
    }
}
