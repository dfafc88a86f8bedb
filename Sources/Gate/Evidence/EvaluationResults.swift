import Faults
import JSONText

/// What a gate reads of `evaluate --json`, or of a results file of lm-evaluation-harness.
public struct EvaluationResults: Sendable {
    public let file: String
    let root: JSONObject

    /// - Throws: `badData` for what is not a JSON object of results.
    public init(parsing bytes: [UInt8], file: String) throws(Fault) {
        self.file = file
        root = try ResultsFile.object(bytes, file: file)
        guard ["perplexity", "divergence", "prompts", "results"].contains(where: { root[$0]?.objectValue != nil })
        else {
            throw Fault(
                .badData, "this is not a results file", file: file,
                found: "the keys " + LegibleText.of(root.keys.joined(separator: ", ")),
                expected: "perplexity, divergence, prompts or results",
                advice: "make it with `espalier evaluate --output FILE`")
        }
        // A rule by that name would be compared with one of the two only.
        if let name = logs.first(where: { member("perplexity", $0) != nil || member("divergence", $0) != nil }) {
            throw Fault(
                .badData, "a text and a log of prompts have the same name", file: file, found: LegibleText.of(name),
                expected: "a name of its own for each", advice: "rename one of the files and evaluate again")
        }
    }

    /// Texts and logs of prompts with a perplexity.
    var texts: [String] { names("perplexity") + logs }
    /// Those that were measured beside the dense model.
    var diverged: [String] { names("divergence") + logs }
    /// Logs of prompts; all are measured beside the dense model.
    private var logs: [String] { names("prompts") }
    var tasks: [String] { names("results") }

    func isLog(_ text: String) -> Bool { member("prompts", text) != nil }

    func perplexity(_ text: String) -> Figure {
        Figure(member("prompts", text)?["perplexity"] ?? member("perplexity", text)?["value"])
    }
    func densePerplexity(_ text: String) -> Figure { Figure(divergence(text)?["against_perplexity"]) }
    func kl(_ text: String) -> Figure { Figure(divergence(text)?["kl"]) }
    func topAgreement(_ text: String) -> Figure { Figure(divergence(text)?["top1_agreement"]) }

    private func divergence(_ text: String) -> JSONObject? { member("prompts", text) ?? member("divergence", text) }

    func hasMetric(_ metric: String, of task: String) -> Bool {
        member("results", task)?[EvaluationResults.key(metric)] != nil
    }
    func metric(_ metric: String, of task: String) -> Figure {
        Figure(member("results", task)?[EvaluationResults.key(metric)])
    }
    func standardError(_ metric: String, of task: String) -> Figure {
        // "acc,none" has "acc_stderr,none" beside it; a filter may be empty.
        let key = EvaluationResults.key(metric)
        let comma = key.firstIndex(of: ",") ?? key.endIndex
        return Figure(member("results", task)?[key[..<comma] + "_stderr" + key[comma...]])
    }
    func effectiveSamples(of task: String) -> Int? { member("n-samples", task)?["effective"]?.integerValue }

    /// What must be the same in two files before a text's figures may be compared.
    func identity(ofText text: String) -> [Trait] {
        let figures = member("perplexity", text)
        return ["tokens", "context", "windows"].map { Trait($0, figures?[$0], isRequired: true) }
            + [Trait("SHA-256 of the tokens", figures?["tokens_sha256"])]
    }

    /// The same for a text or a log of prompts.
    func traits(of text: String) -> [Trait] {
        guard let log = member("prompts", text) else { return identity(ofText: text) }
        return [Trait("tokens", log["tokens"], isRequired: true), Trait("SHA-256 of the tokens", log["tokens_sha256"])]
    }

    /// How reasons name the other file.
    static let ofBaseline = "in the baseline"
    static let beforeRecovery = "before recovery"

    /// Tasks that are no part of a group: a group's own figure counts for all of its tasks.
    var tasksOutsideGroups: [String] {
        let members = (root["group_subtasks"]?.objectValue?.members ?? []).flatMap { _, value in
            (value.arrayValue ?? []).compactMap(\.stringValue)
        }
        let parts = Set(members)
        return tasks.filter { !parts.contains($0) }
    }

    /// The same for a task; what one file says and the other does not is a difference.
    func identity(ofTask task: String) -> [Trait] {
        let samples = member("n-samples", task)
        return [
            Trait("version", root["versions"]?.objectValue?[task], isRequired: true),
            Trait("number of few-shot examples", root["n-shot"]?.objectValue?[task], isStrict: true),
            Trait("number of items", samples?["original"], isStrict: true),
            Trait("number of items used", samples?["effective"], isStrict: true),
            Trait("limit", root["config"]?.objectValue?["limit"] ?? root["limit"], isStrict: true),
        ]
    }

    /// The same for all figures.
    var identity: [Trait] {
        [
            Trait("SHA-256 of the tokenizer", root["tokenizer_sha256"]),
            Trait("data type", root["environment"]?.objectValue?["dtype"]),
        ]
    }

    /// "acc" is "acc,none": after the comma stands lm-evaluation-harness' filter.
    private static func key(_ metric: String) -> String { metric.contains(",") ? metric : metric + ",none" }

    private func names(_ group: String) -> [String] { root[group]?.objectValue?.keys ?? [] }

    private func member(_ group: String, _ name: String) -> JSONObject? {
        root[group]?.objectValue?[name]?.objectValue
    }
}

/// Something that two results must share.
struct Trait: Equatable, Sendable {
    var name: String
    /// nil where the file does not say it.
    var value: String?
    /// Whether results that do not say it cannot be compared.
    var isRequired: Bool
    /// Whether it is a difference when one file says it and the other does not.
    var isStrict: Bool

    init(_ name: String, _ value: JSONValue?, isRequired: Bool = false, isStrict: Bool = false) {
        self.name = name
        self.isRequired = isRequired
        self.isStrict = isStrict || isRequired
        switch value {
        case nil, .some(.null): self.value = nil
        // 1, 1.0 and 1e0 are one version.
        case .some(.number(let text)):
            self.value = Double(text).map { $0 == $0.rounded() && abs($0) < 1e15 ? "\(Int($0))" : "\($0)" } ?? text
        case .some(.string(let text)): self.value = text
        case .some(let other): self.value = other.text(pretty: false)
        }
    }

    /// How the same trait of another file differs; nil when it does not.
    func difference(from other: Trait, in place: String = EvaluationResults.ofBaseline) -> String? {
        func shown(_ value: String?) -> String { value.map { LegibleText.of($0, limit: 80) } ?? "not said" }
        let isMissing = isRequired && value == nil && other.value == nil
        // A JSON string is compared by its bytes: two spellings of a letter are two names.
        let isDifferent = value.map { ExactText($0) } != other.value.map { ExactText($0) }
        let counts = isStrict || (value != nil && other.value != nil)
        guard isMissing || (isDifferent && counts) else { return nil }
        return "\(name): \(shown(value)) in the results, \(shown(other.value)) \(place)"
    }

    /// Whether only one of the two files says it.
    func isUnchecked(against other: Trait) -> Bool { (value == nil) != (other.value == nil) && !isStrict }
}

enum ResultsFile {
    static func object(_ bytes: [UInt8], file: String) throws(Fault) -> JSONObject {
        let value: JSONValue
        do throws(Fault) { value = try JSONValue(parsing: bytes) } catch { throw error.inFile(file) }
        guard let object = value.objectValue else {
            throw Fault(.badData, "the file is not a JSON object", file: file, found: value.kindName, expected: "{…}")
        }
        return object
    }
}
