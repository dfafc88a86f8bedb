import Endpoint
import Faults

/// Token sequences that a server scores, several at a time.
struct ServedScoring {
    private var scorer: EndpointScorer
    private let concurrency: Int

    /// Tries the server with prompts like those to come, before any of them is sent.
    ///
    /// - Parameters:
    ///   - opened: the model whose tokenizer is that of the served one.
    ///   - begun: whether sequences to come begin with BOS, or not, or some of each.
    ///   - length: tokens of the longest.
    /// - Throws: as `EndpointScorer.probe`.
    init(
        _ server: EndpointServer, _ opened: OpenedModel, begun: Set<Bool>, length: Int, settings: EndpointSettings,
        likeliest: Int = 1, _ reporter: any Reporter
    ) throws(Fault) {
        let tokenizer = try opened.tokenizer()
        scorer = EndpointScorer(server, tokenizer: tokenizer, beginning: try ServedScoring.beginning(opened))
        scorer.likeliest = likeliest
        concurrency = settings.concurrency
        for isBegun in begun.sorted(by: { $0 && !$1 }) {
            try scorer.probe(begun: isBegun, length: min(length, EndpointScorer.probeLength))
            reporter.detail(
                "prompts \(isBegun ? "with" : "without") BOS are scored by \(scorer.form(begun: isBegun)?.rawValue ?? "")"
            )
        }
    }

    /// BOS; nil for a model that names none.
    static func beginning(_ opened: OpenedModel) throws(Fault) -> Int32? {
        try SpecialTokens(opened.checkpoint, tokenizer: try opened.tokenizer()).beginning
    }

    /// Whether the server can be made to read these tokens.
    func canSend(_ ids: [Int32]) -> Bool { scorer.canSend(ids) }

    /// The index of the first token that is scored.
    func firstScored(_ ids: [Int32]) -> Int { scorer.firstScored(ids) }

    /// Whether the server names tokens by their ids.
    var tellsIDs: Bool {
        [true, false].compactMap { scorer.form(begun: $0) }.allSatisfy { $0 == .promptLogProbabilities }
    }

    /// The forms in use, for the result.
    var form: String {
        Set([true, false].compactMap { scorer.form(begun: $0)?.rawValue }).sorted().joined(separator: ", ")
    }

    /// What the server says of each token of each sequence; nil where it says nothing.
    ///
    /// - Throws: as `EndpointScorer.score`.
    func score(
        _ sequences: [[Int32]], title: String, _ reporter: any Reporter
    ) throws(Fault) -> [[ServedToken?]] {
        reporter.begin(title, total: Double(sequences.count), unit: "prompts")
        let scorer = scorer
        let answers = try ConcurrentRequests.run(
            sequences.count, width: concurrency, done: { reporter.update(Double($0)) }
        ) { (index) throws(Fault) in try scorer.score(sequences[index]) }
        reporter.finish()
        return answers
    }
}
