import Faults
import Foundation
import TestSupport
import Testing
import Torch

@testable import Evaluation

/// Two models on sequences of different lengths.
struct PromptComparisonTests {
    private let sequences: [PromptPredictions.Sequence] = [
        .init(ids: [5, 6, 7, 8, 9, 10, 11], scoredFrom: 1), .init(ids: [20, 21], scoredFrom: 1),
        .init(ids: [30, 31, 32, 33, 34, 35, 36, 37, 38], scoredFrom: 4), .init(ids: [40, 41, 42], scoredFrom: 2),
    ]

    private func pruned() throws -> Written {
        try Written {
            $0.edit = { name, values in
                guard name.contains("mlp") else { return }
                for index in values.indices where index % 2 == 0 { values[index] = 0 }
            }
        }
    }

    private func score(_ kl: Double, tokens: Int = 1) -> PromptScore {
        PromptScore(
            tokens: tokens, meanLoss: 2 * kl, divergence: Divergence(kl: kl, topAgreement: 0.5, denseMeanLoss: kl))
    }

    /// Each sequence alone in one pass over the whole model, softmax and sums in float64.
    @Test func everyPromptScoresAsADirectComputation() throws {
        let (dense, pruned) = (try Written(), try pruned())
        let found = try PromptComparison(pruned.decoder, against: dense.decoder, dtype: .float32).measure(sequences)
        #expect(found.map(\.tokens) == [6, 1, 5, 1])
        for (sequence, found) in zip(sequences, found) {
            let p = try logProbabilities(dense.decoder, sequence.ids)
            let q = try logProbabilities(pruned.decoder, sequence.ids)
            var (kl, loss, denseLoss, agreed) = (0.0, 0.0, 0.0, 0)
            for token in sequence.scoredFrom..<sequence.ids.count {
                let (p, q, id) = (p[token - 1], q[token - 1], Int(sequence.ids[token]))
                kl += zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
                loss -= q[id]
                denseLoss -= p[id]
                agreed += p.indices.max { p[$0] < p[$1] } == q.indices.max { q[$0] < q[$1] } ? 1 : 0
            }
            let count = Double(found.tokens)
            #expect(kl / count > 1e-3 && abs(found.divergence.kl - kl / count) < 1e-5)
            #expect(abs(found.meanLoss - loss / count) < 1e-5)
            #expect(abs(found.divergence.denseMeanLoss - denseLoss / count) < 1e-5)
            #expect(found.divergence.topAgreement == Double(agreed) / count)
            #expect(abs(found.perplexityRatio - exp((loss - denseLoss) / count)) < 1e-4 * found.perplexityRatio)
        }
    }

    /// However the work is cut up for memory; 768 bytes of hidden states are six tokens of both models.
    @Test(arguments: [(1, 1), (768, 4), (1 << 30, 8)])
    func memoryLimitsDoNotChangeTheResult(_ stream: Int, _ batch: Int) throws {
        let (dense, pruned) = (try Written(), try pruned())
        var comparison = try PromptComparison(pruned.decoder, against: dense.decoder, dtype: .float32)
        let whole = try comparison.measure(sequences)
        (comparison.streamBytes, comparison.batchTokens) = (stream, batch)
        var fractions: [Double] = []
        let found = try comparison.measure(sequences) { fractions.append($0) }
        for (a, b) in zip(found, whole) {
            #expect(a.tokens == b.tokens && abs(a.meanLoss - b.meanLoss) < 1e-5)
            #expect(abs(a.divergence.kl - b.divergence.kl) < 1e-5)
        }
        #expect(fractions == fractions.sorted() && fractions.last == 1)
    }

    @Test func aModelDoesNotDivergeFromItself() throws {
        let model = try Written()
        for found in try PromptComparison(model.decoder, against: model.decoder, dtype: .float32).measure(sequences) {
            #expect(found.divergence.kl == 0 && found.divergence.topAgreement == 1 && found.perplexityRatio == 1)
        }
    }

    @Test func weightsThatAreNotNumbersGiveNoFigures() throws {
        let broken = try Written {
            $0.edit = { name, values in if name.contains("layers.1.mlp.down") { values[3] = .nan } }
        }
        let dense = try Written()
        for found in try PromptComparison(broken.decoder, against: dense.decoder, dtype: .float32).measure(sequences) {
            #expect(found.meanLoss.isNaN && found.divergence.kl.isNaN && found.divergence.topAgreement.isNaN)
            #expect(found.perplexityRatio.isNaN && found.divergence.densePerplexity.isFinite)
        }
    }

    @Test func modelsAndSequencesThatDoNotFitAreRefused() throws {
        let (dense, short) = (try Written(), try Written { $0.context = 8 })
        let other = try Written { $0.vocabulary = 260 }
        #expect(throws: Fault.self) {
            try PromptComparison(other.decoder, against: dense.decoder, dtype: .float32)
        }
        // The dense model's context counts as well.
        for (model, dense) in [(short, dense), (dense, short)] {
            let comparison = try PromptComparison(model.decoder, against: dense.decoder, dtype: .float32)
            #expect(throws: Fault.self) { try comparison.measure(sequences) }
        }
    }

    @Test func theMostDifferentComeFirst() {
        let scores = [0.5, .nan, 0.75, .infinity, 0.5, .nan, -1e-9].map { score($0) }
        #expect(PromptScore.mostDifferentFirst(scores) == [1, 5, 3, 2, 0, 4, 6])
        #expect(PromptScore.mostDifferentFirst([]).isEmpty)
    }

    @Test func aTotalWeighsEveryTokenTheSame() {
        let total = PromptScore.total([score(1, tokens: 3), score(5, tokens: 1)])
        #expect(
            total
                == PromptScore(
                    tokens: 4, meanLoss: 4, divergence: Divergence(kl: 2, topAgreement: 0.5, denseMeanLoss: 2)))
        #expect(abs(total.perplexityRatio - exp(2)) < 1e-12)
        #expect(PromptScore.total([score(1), score(.nan)]).divergence.kl.isNaN)
    }

    @Test func groupsHoldWhatFitsAndAtLeastOneSequence() {
        let bytes = 9 * 16 * 4
        #expect(PromptPredictions.groups(sequences, hiddenSize: 16, bytes: bytes) == [0..<2, 2..<3, 3..<4])
        #expect(PromptPredictions.groups(sequences, hiddenSize: 16, bytes: 1) == [0..<1, 1..<2, 2..<3, 3..<4])
        #expect(PromptPredictions.groups(sequences, hiddenSize: 16, bytes: 1 << 20) == [0..<4])
        #expect(PromptPredictions.groups([], hiddenSize: 16, bytes: 1).isEmpty)
    }
}
