import Faults

/// Sizes, speeds and golden prompts.
extension QualityGate {
    /// Parameters where the rule names no quantity. The run's report goes first: it knows what was set to zero.
    func sizeCheck(_ rule: GateRule, notes: inout [String]) -> GateVerdict.Check {
        let quantity = rule.subject.flatMap(SizeReport.Quantity.init(rawValue:)) ?? .parameters
        let name = quantity.rawValue
        guard report != nil || benchmark != nil else {
            return missing(rule, name, "there are no sizes: give --report report.json or --benchmark FILE")
        }
        var (before, after) = report?.sizes(quantity) ?? (.missing, .missing)
        let isReported = before != .missing || after != .missing
        if !isReported, let benchmark { (before, after) = benchmark.sizes(quantity) }
        if before == .missing, after == .missing {
            return missing(
                rule, name, "the given files do not contain \(name) before and after")
        }
        guard let large = before.count, let small = after.count else {
            return check(
                rule, name, .notComparable, "\(before.text) before and \(after.text) after; expected two sizes")
        }
        if quantity == .parameters, isReported, report?.isSmaller == false {
            notes.append("zeros are not counted as parameters; files and memory are as large as before")
        }
        return limited(
            rule, name, small / large, "\(LegibleText.number(small)) of \(LegibleText.number(large))")
    }

    /// One check for each point that either model was measured at.
    func speedChecks(_ rule: GateRule) -> [GateVerdict.Check] {
        let quantities =
            rule.subject.flatMap(BenchmarkResults.Quantity.init(rawValue:)).map { [$0] }
            ?? BenchmarkResults.Quantity.allCases
        guard let benchmark else {
            return [missing(rule, rule.subject ?? "", "there are no speeds: give --benchmark FILE")]
        }
        guard benchmark.hasDense, !benchmark.points.isEmpty else {
            return [
                missing(
                    rule, rule.subject ?? "",
                    "the benchmark has no dense model: run `espalier benchmark` with --against DENSE")
            ]
        }
        return quantities.flatMap { quantity in
            benchmark.points.map { point in
                let name = "\(quantity.rawValue), \(point.text)"
                let (pruned, dense) = benchmark.speeds(quantity, at: point)
                guard let mine = pruned.value, let other = dense.value, mine > 0, other > 0 else {
                    return check(
                        rule, name, .notComparable, "\(pruned.text) for the model, \(dense.text) for the dense one")
                }
                // More is better for a rate, less for a time; the ratio is above 1 for a faster model in both.
                return limited(
                    rule, name, quantity == .decode ? mine / other : other / mine,
                    "\(LegibleText.number(mine)) vs \(LegibleText.number(other))")
            }
        }
    }

    func goldenCheck(_ rule: GateRule) throws(Fault) -> GateVerdict.Check {
        guard let golden, !golden.prompts.isEmpty else {
            return missing(rule, "", "there are no golden prompts: give --golden FILE with some")
        }
        if let unanswered = golden.prompts.first(where: { $0.answer == nil }) {
            return missing(
                rule, "",
                "\(unanswered.name): there is no answer; let the model answer with `espalier generate --golden`")
        }
        let broken = try golden.broken(usual: rule.match).map { prompt in
            "\(prompt.name): \(LegibleText.of(prompt.answer, limit: 60)) instead of "
                + LegibleText.of(prompt.expected, limit: 60)
        }
        let count = golden.prompts.count
        let value = Double(count - broken.count) / Double(count)
        let held = "\(count - broken.count) of \(count) hold"
        let more = broken.count > 3 ? "; and \(broken.count - 3) more" : ""
        return check(
            rule, "", rule.holds(value) ? .passed : .failed,
            held + (broken.isEmpty ? "" : "; " + broken.prefix(3).joined(separator: "; ") + more), value)
    }
}
