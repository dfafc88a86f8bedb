import Faults

/// Perplexity, divergence and agreement on texts and logs of prompts.
extension QualityGate {
    /// How far, as a fraction, the baseline's perplexity may be from the one that was measured beside the pruned model.
    static let sameModelTolerance = 0.01

    /// What a dense model that is worth pruning can have; beside more, every pruned model would look good.
    static let densePerplexities = 1 - 1e-6...1e12

    /// The names that a rule is for: its own, or all that no other rule names.
    func subjects(_ rule: GateRule, _ names: [String], among rules: [GateRule]) -> [String] {
        if let subject = rule.subject { return [subject] }
        let own = Set(rules.filter { $0.measure == rule.measure }.compactMap(\.subject))
        var seen = own
        return names.filter { seen.insert($0).inserted }
    }

    func textChecks(_ rule: GateRule, among rules: [GateRule]) -> [GateVerdict.Check] {
        let names =
            rule.measure == .perplexityRatio
            ? results.texts + (baseline?.texts ?? results.diverged) : results.texts + results.diverged
        let texts = subjects(rule, names, among: rules)
        guard !texts.isEmpty || !names.isEmpty else {
            return [missing(rule, "", "the results have no text: evaluate with --text, --tokens or --prompts")]
        }
        return texts.map { text in
            switch rule.measure {
            case .perplexityRatio: perplexityCheck(rule, text)
            case .kl:
                figureCheck(rule, text, results.kl(text), in: -1e-6...Double.greatestFiniteMagnitude)
            default: figureCheck(rule, text, results.topAgreement(text), in: 0...1)
            }
        }
    }

    /// A figure that `evaluate --against` measured.
    private func figureCheck(
        _ rule: GateRule, _ subject: String, _ figure: Figure, in range: ClosedRange<Double>
    ) -> GateVerdict.Check {
        switch figure {
        case .missing:
            return missing(rule, subject, "the results do not have it: evaluate this text with --against DENSE")
        case .notANumber(let kind):
            return check(rule, subject, .failed, "found \(kind): the model's predictions are NaN or infinite")
        case .number(let value):
            guard range.contains(value) else {
                return check(
                    rule, subject, .notComparable, "\(LegibleText.number(value)) is impossible: the file is wrong",
                    value)
            }
            return limited(rule, subject, value)
        }
    }

    /// The dense model's perplexity of a text, or the check that says why there is none to compare with.
    enum DenseReference {
        case found(Double)
        case none(GateVerdict.Check)
    }

    func denseReference(_ rule: GateRule, _ text: String) -> DenseReference {
        // Both models were measured on a log together: a baseline has nothing to add.
        let baseline = results.isLog(text) ? nil : baseline
        if let baseline {
            for (mine, other) in zip(results.identity(ofText: text), baseline.identity(ofText: text)) {
                if let reason = mine.difference(from: other) {
                    return .none(check(rule, text, .notComparable, reason))
                }
            }
        }
        let measured = results.densePerplexity(text)
        let dense = baseline?.perplexity(text) ?? measured
        guard let reference = dense.value, QualityGate.densePerplexities.contains(reference) else {
            guard dense == .missing else {
                return .none(check(rule, text, .notComparable, "the dense model's perplexity is \(dense.text)"))
            }
            return .none(
                missing(
                    rule, text,
                    "the dense model's perplexity is missing: evaluate with --against DENSE, or give --baseline"))
        }
        // Tells other texts of the same length, and other dense models, from the right ones.
        if baseline != nil, let measured = measured.value,
            abs(measured - reference) > QualityGate.sameModelTolerance * reference
        {
            return .none(
                check(
                    rule, text, .notComparable,
                    "the dense model's perplexity is \(LegibleText.number(measured)) in the results, "
                        + "\(LegibleText.number(reference)) in the baseline: another model or another text"))
        }
        return .found(reference)
    }

    private func perplexityCheck(_ rule: GateRule, _ text: String) -> GateVerdict.Check {
        let reference: Double
        switch denseReference(rule, text) {
        case .none(let check): return check
        case .found(let dense): reference = dense
        }
        switch results.perplexity(text) {
        case .missing: return missing(rule, text, "the results have no perplexity of this text")
        case .notANumber(let kind):
            return check(rule, text, .failed, "found \(kind): the model's predictions are NaN or infinite")
        case .number(let value):
            guard value >= 1 - 1e-6 else {
                return check(
                    rule, text, .notComparable, "a perplexity of \(LegibleText.number(value)) is impossible")
            }
            return limited(
                rule, text, value / reference,
                "\(LegibleText.number(value)) vs \(LegibleText.number(reference))")
        }
    }
}
