import Testing

@testable import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Scores collected over pieces of the vocabulary against the formulas over all of it, in float64.
struct VocabularyScoresTests {
    private static let vocabulary = 203
    private static let positions = 9

    private func scores(
        _ logits: Tensor, _ dense: Tensor?, targets: [Int64], piece: Int, byTensors: Bool = false
    ) -> [VocabularyScores.Score] {
        let scores = VocabularyScores(targets: targets, hasDense: dense != nil, device: .cpu, byTensors: byTensors)
        for first in stride(from: 0, to: VocabularyScoresTests.vocabulary, by: piece) {
            let count = min(piece, VocabularyScoresTests.vocabulary - first)
            // Views of the whole, whose rows do not follow each other.
            for rows in [0..<4, 4..<VocabularyScoresTests.positions] {
                func part(_ all: Tensor) -> Tensor {
                    all.narrowed(0, rows.lowerBound, rows.count).narrowed(1, first, count)
                }
                scores.add(part(logits), dense: dense.map(part), rows: rows, first: first)
            }
        }
        return scores.results()
    }

    @Test func resultsOfManyPositionsAreThoseOfEach() {
        // More than are taken from the state at once, some of them without a target.
        let (count, vocabulary) = (20_000, 3)
        let targets = (0..<count).map { $0 % 5 == 0 || (8000..<9000).contains($0) ? -1 : Int64($0 % vocabulary) }
        let logits = Tensor((0..<count * vocabulary).map { Float(($0 * 31) % 17) / 4 }, shape: [count, vocabulary])
        func results(_ rows: Range<Int>) -> [VocabularyScores.Score] {
            let scores = VocabularyScores(targets: Array(targets[rows]), hasDense: false, device: .cpu)
            scores.add(logits.narrowed(0, rows.lowerBound, rows.count), dense: nil, rows: 0..<rows.count, first: 0)
            return scores.results()
        }
        let whole = results(0..<count)
        #expect(whole.count == targets.count { $0 >= 0 })
        #expect(whole == stride(from: 0, to: count, by: 1000).flatMap { results($0..<$0 + 1000) })
    }

    private func logProbabilities(_ logits: ArraySlice<Float>) -> [Double] {
        let values = logits.map(Double.init)
        let highest = values.max() ?? 0
        let normaliser = highest + log(values.reduce(0) { $0 + exp($1 - highest) })
        return values.map { $0 - normaliser }
    }

    /// Logits of either type beside those of either type, in pieces of many sizes.
    @Test(
        arguments: [DType.float32, .bfloat16, .float16], [DType.float32, .bfloat16, .float16])
    func scoresAreThoseOfTheFormulasInEveryTypeAndPiece(_ type: DType, _ denseType: DType) {
        let (n, v) = (VocabularyScoresTests.positions, VocabularyScoresTests.vocabulary)
        var draws = Draws(1)
        let logits = Tensor(draws.numbers(n * v).map { $0 * 12 }, shape: [n, v]).to(type)
        let dense = Tensor(draws.numbers(n * v).map { $0 * 12 }, shape: [n, v]).to(denseType)
        let targets = (0..<n).map { $0 == 5 ? -1 : Int64(draws.whole(v)) }
        let (a, b) = (logits.floats(), dense.floats())
        for (piece, byTensors) in [
            (1, false), (7, false), (32, false), (100, false), (v, false), (64, true), (v, true),
        ] {
            let found = scores(logits, dense, targets: targets, piece: piece, byTensors: byTensors)
            let alone = scores(logits, nil, targets: targets, piece: piece, byTensors: byTensors)
            #expect(found.count == n - 1)
            for (index, position) in (0..<n).filter({ targets[$0] >= 0 }).enumerated() {
                let p = logProbabilities(a[position * v..<(position + 1) * v])
                let q = logProbabilities(b[position * v..<(position + 1) * v])
                let target = Int(targets[position])
                #expect(abs(found[index].loss + p[target]) < 3e-6)
                #expect(abs(found[index].denseLoss + q[target]) < 3e-6)
                let divergence = zip(p, q).reduce(0) { $0 + exp($1.1) * ($1.1 - $1.0) }
                #expect(abs(found[index].divergence - divergence) < 1e-6 * max(1, divergence))
                let likeliest = (p.firstIndex(of: p.max() ?? 0), q.firstIndex(of: q.max() ?? 0))
                #expect(found[index].agrees == (likeliest.0 == likeliest.1))
                #expect(alone[index].loss == found[index].loss)
            }
        }
    }

    /// Small divergences keep their digits; between equal predictions there is none.
    @Test func smallDivergencesKeepTheirDigits() {
        let (n, v) = (VocabularyScoresTests.positions, VocabularyScoresTests.vocabulary)
        var draws = Draws(2)
        let values = draws.numbers(n * v).map { $0 * 9 }
        let moved = values.map { $0 + draws.number() * 0.02 }
        let targets = [Int64](repeating: 3, count: n)
        let (a, b) = (Tensor(moved, shape: [n, v]), Tensor(values, shape: [n, v]))
        for (index, score) in scores(a, b, targets: targets, piece: 50).enumerated() {
            let p = logProbabilities(moved[index * v..<(index + 1) * v])
            let q = logProbabilities(values[index * v..<(index + 1) * v])
            let divergence = zip(p, q).reduce(0) { $0 + exp($1.1) * ($1.1 - $1.0) }
            #expect(divergence < 1e-3)
            #expect(abs(score.divergence - divergence) < 2e-7)
        }
        for score in scores(b, b, targets: targets, piece: 50) { #expect(score.divergence == 0 && score.agrees) }
    }

    @Test(arguments: [false, true]) func amongEqualsTheLowestTokenIsTheLikeliest(_ byTensors: Bool) {
        let (n, v) = (VocabularyScoresTests.positions, VocabularyScoresTests.vocabulary)
        // The same highest logit stands in several pieces; the dense model's stands at the lowest of these places.
        var (values, dense) = ([Float](repeating: 0, count: n * v), [Float](repeating: 0, count: n * v))
        for position in 0..<n {
            for token in [40 + position, 120, 200] { values[position * v + token] = 2 }
            dense[position * v + 40 + position] = 5
        }
        let found = scores(
            Tensor(values, shape: [n, v]), Tensor(dense, shape: [n, v]), targets: [Int64](repeating: 0, count: n),
            piece: 30, byTensors: byTensors)
        #expect(found.allSatisfy { $0.agrees })
    }

    @Test(arguments: [false, true]) func aTargetBeyondTheVocabularyHasNoLoss(_ byTensors: Bool) {
        let (n, v) = (VocabularyScoresTests.positions, VocabularyScoresTests.vocabulary)
        var draws = Draws(4)
        let (logits, dense) = (draws.tensor([n, v]), draws.tensor([n, v]))
        let targets = (0..<n).map { $0 == 2 ? Int64(v) : 7 }
        let found = scores(logits, dense, targets: targets, piece: 64, byTensors: byTensors)
        #expect(found[2].loss.isNaN && found[2].denseLoss.isNaN && found[2].divergence.isFinite)
        #expect(found[1].loss.isFinite && found[3].denseLoss.isFinite)
    }

    @Test(arguments: [Float.nan, .infinity], [false, true])
    func logitsThatAreNotNumbersGiveNoScore(_ value: Float, _ byTensors: Bool) {
        let (n, v) = (VocabularyScoresTests.positions, VocabularyScoresTests.vocabulary)
        var draws = Draws(3)
        let dense = draws.tensor([n, v])
        var values = dense.floats()
        values[2 * v + 150] = value
        let targets = [Int64](repeating: 7, count: n)
        let found = scores(Tensor(values, shape: [n, v]), dense, targets: targets, piece: 64, byTensors: byTensors)
        #expect(found[2].loss.isNaN && found[2].divergence.isNaN)
        #expect(found[1].loss.isFinite && found[3].divergence == 0)
        let other = scores(dense, Tensor(values, shape: [n, v]), targets: targets, piece: 64, byTensors: byTensors)
        #expect(other[2].denseLoss.isNaN && other[2].divergence.isNaN && other[2].loss.isFinite)
    }
}
