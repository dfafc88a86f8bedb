import Faults
import Settings

extension GateRules {
    private static let noun = "rules file"

    /// Reads a rules file.
    ///
    /// - Throws: `missingInput` or `inputOutput` for the file, `badRecipe` with line and column for its content.
    public init(contentsOf path: String) throws(Fault) {
        try self.init(yaml: try StrictYAML.text(of: path, noun: GateRules.noun), file: path)
    }

    /// - Parameter file: the file's name, for messages.
    /// - Throws: `badRecipe` with line and column for what is not YAML, for unknown and duplicate keys, for values of
    ///   the
    ///   wrong type, for invalid limits, and for stages without rules.
    public init(yaml: String, file: String? = nil) throws(Fault) {
        stages = [:]
        guard let root = try StrictYAML.root(yaml, file: file, noun: GateRules.noun) else {
            throw Fault(.badRecipe, "the rules file is empty", file: file, expected: "version: 1 and stages")
        }
        var hasVersion = false
        for member in try root.members() {
            switch member.name {
            case "version":
                let version: Int = try member.value.integer()
                guard version == 1 else {
                    throw member.value.fault("unknown version of rules", found: "\(version)", expected: "1")
                }
                hasVersion = true
            case "stages": try readStages(member.value)
            default: throw member.unknown(among: ["version", "stages"])
            }
        }
        guard hasVersion else {
            throw Fault(
                .badRecipe, "the rules file has no version", file: file, advice: "add a first line: version: 1")
        }
        guard !stages.isEmpty else {
            throw Fault(
                .badRecipe, "the rules file has no stages", file: file, expected: "stages: with poc, canary or full")
        }
    }

    private mutating func readStages(_ node: YAMLNode) throws(Fault) {
        for member in try node.members() {
            guard let stage = Stage(rawValue: member.name) else {
                throw member.unknown(among: Stage.allCases.map(\.rawValue))
            }
            var rules: [GateRule] = []
            for rule in try member.value.members() {
                guard let measure = GateRule.Measure(rawValue: rule.name) else {
                    throw rule.unknown(among: GateRule.Measure.allCases.map(\.rawValue))
                }
                rules += try GateRules.rules(measure, rule.value)
            }
            guard !rules.isEmpty else {
                throw member.value.fault("a stage without rules would pass everything", advice: "give it a rule")
            }
            stages[stage] = rules
        }
    }

    /// `{max: 1.1}`, or limits by name: `{default: {max: 1.1}, news.txt: {max: 1.2}}`.
    private static func rules(_ measure: GateRule.Measure, _ node: YAMLNode) throws(Fault) -> [GateRule] {
        let members = try node.members()
        guard members.contains(where: { $0.value.isGroup }) else { return [try rule(measure, nil, node)] }
        var rules: [GateRule] = []
        for member in members {
            if let names = measure.subjects, !names.contains(member.name) {
                throw member.unknown(among: names.isEmpty ? settings(measure) : names)
            }
            let subject = member.name == "default" && measure.subjects == nil ? nil : member.name
            rules.append(try rule(measure, subject, member.value))
        }
        return rules
    }

    private static func settings(_ measure: GateRule.Measure) -> [String] {
        let limit = measure.hasMaximum ? "max" : "min"
        return switch measure {
        case .recovery: [limit, "optional", "confidence", "metric", "chance"]
        case .goldenPrompts: [limit, "optional", "match"]
        case .accuracyVsPruned: [limit, "optional", "metric"]
        default: [limit, "optional"]
        }
    }

    private static func rule(
        _ measure: GateRule.Measure, _ subject: String?, _ node: YAMLNode
    ) throws(Fault) -> GateRule {
        let known = settings(measure)
        var rule = GateRule(measure, subject: subject, limit: .nan)
        for member in try node.members() {
            guard known.contains(member.name) else { throw member.unknown(among: known) }
            switch member.name {
            case "confidence": rule.confidence = try number(member.value, in: 0.5...(1 - 1e-9))
            case "chance": rule.chance = try number(member.value, in: 0...(1 - 1e-9))
            case "metric":
                rule.metric = try member.value.text()
                let parts = rule.metric.split(separator: ",", omittingEmptySubsequences: false)
                guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else {
                    throw member.value.fault(
                        "this is not a metric", found: String(rule.metric.prefix(80)),
                        expected: "a name such as acc, or a name and a filter such as exact_match,strict-match")
                }
                guard !["perplexity", "bits_per_byte", "stderr"].contains(where: rule.metric.contains) else {
                    throw member.value.fault(
                        "this rule needs a figure where higher is better", found: String(rule.metric.prefix(80)),
                        expected: "acc, acc_norm, exact_match, …")
                }
            case "match": rule.match = try member.value.option()
            case "optional": rule.isOptional = try member.value.bool()
            default: rule.limit = try number(member.value, in: measure.limits)
            }
        }
        guard !rule.limit.isNaN else {
            throw node.fault("the rule has no limit", expected: "'\(known[0])'")
        }
        return rule
    }

    private static func number(_ node: YAMLNode, in range: ClosedRange<Double>) throws(Fault) -> Double {
        let value = try node.number()
        guard range.contains(value) else {
            throw node.fault(
                "'\(node.key)' is out of range", found: "\(value)",
                expected: "\(LegibleText.number(range.lowerBound)) to \(LegibleText.number(range.upperBound))")
        }
        return value
    }
}
