import Faults
import Settings

/// What a model must hold to before it enters a stage of a roll-out.
public struct GateRules: Sendable {
    /// The stages, from the first trial to all users.
    public enum Stage: String, OptionWord {
        /// A trial that no user sees.
        case poc
        /// A small share of the users.
        case canary
        /// All users.
        case full

        public static let noun = "stage"
    }

    /// In the order of the file; a stage that is not there has no rules.
    public var stages: [Stage: [GateRule]]

    public init(stages: [Stage: [GateRule]]) { self.stages = stages }
}

/// A limit for one kind of figure.
public struct GateRule: Equatable, Sendable {
    public enum Measure: String, CaseIterable, Sendable {
        /// Perplexity over the dense model's.
        case perplexityRatio = "perplexity_ratio"
        /// Mean Kullback-Leibler divergence from the dense model, in nats.
        case kl
        /// The fraction of positions where both models find the same token most likely.
        case topAgreement = "top1_agreement"
        /// Accuracy on a task over the dense model's, by a one-sided test.
        case recovery
        /// What is left of the parameters or bytes.
        case sizeRatio = "size_ratio"
        /// How many times faster than the dense model.
        case speedRatio = "speed_ratio"
        /// The fraction of prompts that are still answered as expected.
        case goldenPrompts = "golden_prompts"
        /// The share of the log-perplexity gap to the dense model that recovery closed.
        case gapClosed = "gap_closed"
        /// Perplexity over that before recovery.
        case perplexityVsPruned = "perplexity_vs_pruned"
        /// Accuracy on tasks less that before recovery, in standard errors of the difference.
        case accuracyVsPruned = "accuracy_vs_pruned"
        /// The loss on a recovery's held-out sequences over that before training.
        case heldOutLoss = "held_out_loss"

        /// Whether the limit is the largest value that passes; otherwise it is the smallest.
        public var hasMaximum: Bool {
            switch self {
            case .perplexityRatio, .kl, .sizeRatio, .perplexityVsPruned, .heldOutLoss: true
            case .topAgreement, .recovery, .speedRatio, .goldenPrompts, .gapClosed, .accuracyVsPruned: false
            }
        }

        /// Limits that make sense.
        var limits: ClosedRange<Double> {
            switch self {
            case .topAgreement, .goldenPrompts, .gapClosed: 0...1
            case .perplexityRatio, .kl, .recovery, .sizeRatio, .speedRatio, .perplexityVsPruned, .heldOutLoss: 0...1e9
            case .accuracyVsPruned: -100...100
            }
        }

        /// The names that a rule of this kind may give limits for; nil where the results say them.
        var subjects: [String]? {
            switch self {
            case .perplexityRatio, .kl, .topAgreement, .recovery, .gapClosed, .perplexityVsPruned, .accuracyVsPruned:
                nil
            case .sizeRatio: SizeReport.Quantity.allCases.map(\.rawValue)
            case .speedRatio: BenchmarkResults.Quantity.allCases.map(\.rawValue)
            case .goldenPrompts, .heldOutLoss: []
            }
        }
    }

    public var measure: Measure
    /// The text, task or quantity that the limit is for; nil for all that have no rule of their own.
    public var subject: String?
    public var limit: Double
    /// Of the one-sided test of a recovery; 0.5 takes the figures as they are.
    public var confidence = GateRule.defaultConfidence
    /// The accuracy of rules for tasks: "acc", "acc_norm", "exact_match,strict-match".
    public var metric = "acc"
    /// Accuracy of guessing, which a recovery does not count.
    public var chance = 0.0
    /// How golden prompts that say nothing about it are compared.
    public var match = GoldenAnswers.Match.exact
    /// Whether the rule is skipped, and said to be, where the figure that it needs was not measured.
    public var isOptional = false

    public static let defaultConfidence = 0.95

    public init(_ measure: Measure, subject: String? = nil, limit: Double) {
        self.measure = measure
        self.subject = subject
        self.limit = limit
    }

    func holds(_ value: Double) -> Bool { measure.hasMaximum ? value <= limit : value >= limit }

    /// "at most 1.1"
    var limitText: String { (measure.hasMaximum ? "at most " : "at least ") + LegibleText.number(limit, digits: 6) }
}
