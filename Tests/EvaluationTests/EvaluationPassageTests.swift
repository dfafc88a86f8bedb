import Decoders
import Faults
import Tasks
import Testing

@testable import Evaluation

/// Texts, prompts and items of tasks in one passage over two models.
struct EvaluationPassageTests {
    /// A source that tells what happens to it.
    private final class Watched: EvaluationSource {
        let name: String
        let source: any EvaluationSource
        let tell: (String) -> Void

        init(_ name: String, _ source: any EvaluationSource, tell: @escaping (String) -> Void) {
            (self.name, self.source, self.tell) = (name, source, tell)
        }

        var models: [Int] { source.models }
        var tokens: Int { source.tokens }

        func next(bytes: Int, evenIfMore: Bool) -> EvaluationPortion? {
            guard let portion = source.next(bytes: bytes, evenIfMore: evenIfMore) else { return nil }
            let (name, tell) = (name, tell)
            return EvaluationPortion(bytes: portion.bytes, tokens: portion.tokens) { (model) throws(Fault) in
                tell("embed \(name)")
                return try portion.embed(model)
            } score: { (lanes, progress) throws(Fault) in
                tell("score \(name)")
                try portion.score(lanes, progress)
            }
        }
    }

    private let sequences: [PromptPredictions.Sequence] = [
        .init(ids: [5, 6, 7, 8, 9, 10, 11], scoredFrom: 1), .init(ids: [20, 21], scoredFrom: 1),
    ]
    private let items = [
        [TokenRequest(input: [1, 2, 3], targets: [4]), TokenRequest(input: [1, 2, 9, 8], targets: [7, 6])],
        [TokenRequest(input: [11, 12], targets: [13])],
    ]

    @Test("what goes through together is scored as by itself, whatever of it fits", arguments: [1 << 30, 3000, 1])
    func together(bytes: Int) throws {
        let dense = try Written()
        let pruned = try Written {
            $0.edit = { name, values in
                guard name.contains("mlp") else { return }
                for index in values.indices where index % 2 == 0 { values[index] = 0 }
            }
        }
        let texts = [try TokenWindows(ids: ids(40), length: 10), try TokenWindows(ids: ids(36), length: 12)]
        let evaluation = try StreamedEvaluation(pruned.decoder, against: dense.decoder, dtype: .float32)
        let comparison = try PromptComparison(pruned.decoder, against: dense.decoder, dtype: .float32)
        let likelihoods = [pruned, dense].map { LikelihoodEvaluation($0.decoder, dtype: .float32) }

        var events: [String] = []
        var windows: [WindowSource] = []
        for text in texts { windows.append(try evaluation.source(text)) }
        let prompts = try comparison.source(sequences)
        let scored = [try likelihoods[0].source(items, place: 0), try likelihoods[1].source(items, place: 1)]
        var sources: [any EvaluationSource] = []
        for (name, source) in zip(["a", "b", "p", "t", "d"], windows + [prompts] + scored as [any EvaluationSource]) {
            sources.append(Watched(name, source) { events.append($0) })
        }
        var passage = EvaluationPassage(evaluation.models, dtype: .float32)
        passage.streamBytes = bytes
        var steps: [Double] = []
        try passage.run(sources) { steps.append($0) }

        // Another division sums in another order.
        var (textsAlone, promptsAlone) = (evaluation, comparison)
        (textsAlone.streamBytes, promptsAlone.streamBytes) = (bytes, bytes)
        for (source, text) in zip(windows, texts) { #expect(source.measurement == (try textsAlone.measure(text))) }
        #expect(prompts.scores == (try promptsAlone.measure(sequences)))
        for (source, alone) in zip(scored, likelihoods) {
            #expect(source.likelihoods == (try alone.measure(items)))
        }
        #expect(scored[0].likelihoods != scored[1].likelihoods)
        #expect(steps == steps.sorted() && abs((steps.last ?? 0) - 1) < 1e-9)
        if bytes == 1 << 30 {
            // Nothing is scored before all of it is after the last block, and no model is walked twice.
            #expect(
                events == ["a", "b", "p", "t"].map { "embed \($0)" } + ["a", "b", "p", "d"].map { "embed \($0)" }
                    + ["a", "b", "p", "t", "d"].map { "score \($0)" })
        } else {
            #expect(events.count { $0 == "score a" } == (bytes == 1 ? 4 : 2))
        }
    }
}
