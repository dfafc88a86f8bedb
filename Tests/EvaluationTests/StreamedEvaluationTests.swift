import Checkpoints
import Decoders
import Evaluation
import Faults
import Foundation
import TestSupport
import Testing
import Torch

/// Logits of one pass over the whole model, as float64 log-probabilities [position][token].
func logProbabilities(_ decoder: Decoder, _ ids: [Int32]) throws -> [[Double]] {
    let c = decoder.configuration
    let logits = try Engine.withoutGradient {
        var x = try decoder.embedding().selected(Tensor(ids.map(Int64.init))).reshaped([1, ids.count, c.hiddenSize])
        let rotary = decoder.rotary(positions: ids.count)
        for layer in 0..<c.layerCount { x = try decoder.block(layer)(x, rotary: rotary) }
        return try decoder.head(dtype: .float32)(x).floats()
    }
    return ids.indices.map { position in
        let row = logits[position * c.vocabularySize..<(position + 1) * c.vocabularySize].map(Double.init)
        let top = row.max() ?? 0
        let total = log(row.reduce(0) { $0 + exp($1 - top) })
        return row.map { $0 - top - total }
    }
}

func ids(_ count: Int, below limit: Int = 256) -> [Int32] { (0..<count).map { Int32(($0 * 7919 + $0 / 3) % limit) } }

/// A tiny model in a folder of its own.
struct Written {
    let folder: TemporaryFolder
    let decoder: Decoder

    init(_ change: (inout TinyModel) -> Void = { _ in }) throws {
        folder = try TemporaryFolder()
        var model = TinyModel()
        change(&model)
        try model.write(to: folder)
        decoder = try Decoder(try Checkpoint.open(folder.path))
    }
}

struct StreamedEvaluationTests {
    @Test func windowsMayBeginWithBOS() throws {
        let windows = try TokenWindows(consecutive: Array(1...8), beginning: 99, length: 4)
        #expect(windows.ids == [99, 1, 2, 3, 99, 4, 5, 6] && windows.count == 2 && windows.scoredTokens == 6)
        // One that the text has already does not stand twice.
        let own = try TokenWindows(consecutive: [99] + Array(1...8), beginning: 99, length: 4, limit: 1)
        #expect(own.ids == [99, 1, 2, 3])
        let short = #expect(throws: Fault.self) { try TokenWindows(consecutive: [1, 2], beginning: 99, length: 4) }
        #expect(short?.found == "2 tokens" && short?.expected == "at least 3 tokens")
    }

    @Test func perplexityIsThatOfADirectComputation() throws {
        let model = try Written()
        let windows = try TokenWindows(consecutive: ids(12 * 5 + 7), length: 12)
        #expect(windows.count == 5 && windows.scoredTokens == 55)
        var loss = 0.0
        for window in 0..<5 {
            let tokens = Array(windows.ids[window * 12..<(window + 1) * 12])
            let logP = try logProbabilities(model.decoder, tokens)
            for position in 1..<12 { loss -= logP[position - 1][Int(tokens[position])] }
        }
        let found = try StreamedEvaluation(model.decoder, dtype: .float32).measure(windows)
        #expect(abs(found.meanLoss - loss / 55) < 1e-5)
        #expect(abs(found.perplexity - exp(loss / 55)) < 1e-3)
        #expect(found.scoredTokens == 55 && found.windows == 5 && found.context == 12 && found.divergence == nil)
    }

    @Test func sectionsOfTheStreamAreScoredAsTheWholeOfIt() throws {
        let (model, dense) = (
            try Written(), try Written { $0.edit = { name, values in if name.contains("mlp") { values[0] = 1 } } }
        )
        let windows = try TokenWindows(consecutive: ids(12 * 7), length: 12)
        var evaluation = try StreamedEvaluation(model.decoder, against: dense.decoder, dtype: .float32)
        var steps: [Double] = []
        let whole = try evaluation.measure(windows)
        for positions in [1, 24, 30, 1000] {
            evaluation.positionsAtOnce = positions
            steps = []
            let found = try evaluation.measure(windows) { steps.append($0) }
            #expect(found.scoredTokens == whole.scoredTokens)
            #expect(abs(found.meanLoss - whole.meanLoss) < 1e-6)
            #expect(abs((found.divergence?.kl ?? 1) - (whole.divergence?.kl ?? 0)) < 1e-6)
            #expect(steps == steps.sorted() && abs((steps.last ?? 0) - 1) < 1e-9)
        }
    }

    @Test func divergenceIsThatOfADirectComputation() throws {
        let dense = try Written()
        let pruned = try Written {
            $0.edit = { name, values in
                guard name.contains("mlp") else { return }
                for index in values.indices where index % 2 == 0 { values[index] = 0 }
            }
        }
        let windows = try TokenWindows(ids: ids(20), length: 10)
        var (kl, loss, agreed) = (0.0, 0.0, 0)
        for window in 0..<2 {
            let tokens = Array(windows.ids[window * 10..<(window + 1) * 10])
            let p = try logProbabilities(dense.decoder, tokens)
            let q = try logProbabilities(pruned.decoder, tokens)
            for position in 0..<9 {
                kl += zip(p[position], q[position]).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
                loss -= p[position][Int(tokens[position + 1])]
                agreed +=
                    p[position].indices.max { p[position][$0] < p[position][$1] }
                        == q[position].indices.max { q[position][$0] < q[position][$1] } ? 1 : 0
            }
        }
        let found = try #require(
            try StreamedEvaluation(pruned.decoder, against: dense.decoder, dtype: .float32).measure(windows).divergence)
        #expect(kl / 18 > 1e-3)
        #expect(abs(found.kl - kl / 18) < 1e-5)
        #expect(abs(found.denseMeanLoss - loss / 18) < 1e-5)
        #expect(found.topAgreement == Double(agreed) / 18)
    }

    @Test func aModelDoesNotDivergeFromItself() throws {
        let model = try Written()
        let found = try StreamedEvaluation(model.decoder, against: model.decoder, dtype: .float32)
            .measure(try TokenWindows(ids: ids(16), length: 8))
        #expect(found.divergence?.kl == 0)
        #expect(found.divergence?.topAgreement == 1)
        #expect(found.divergence?.denseMeanLoss == found.meanLoss)
    }

    /// However the work is cut up for memory.
    @Test(arguments: [(1, 1), (1 << 30, 16), (2 * 8 * 16 * 4, 8)])
    func memoryLimitsDoNotChangeTheResult(_ stream: Int, _ batch: Int) throws {
        let model = try Written()
        let windows = try TokenWindows(ids: ids(40), length: 8)
        let whole = try StreamedEvaluation(model.decoder, dtype: .float32).measure(windows)
        var cut = try StreamedEvaluation(model.decoder, dtype: .float32)
        cut.streamBytes = stream
        cut.batchTokens = batch
        var fractions: [Double] = []
        let found = try cut.measure(windows) { fractions.append($0) }
        #expect(abs(found.meanLoss - whole.meanLoss) < 1e-6)
        #expect(found.scoredTokens == 35)
        #expect(fractions == fractions.sorted() && fractions.last == 1)
    }

    /// float16 keeps three bits more than bfloat16.
    @Test(arguments: [(DType.bfloat16, 0.05), (.float16, 0.006)]) func narrowTypesAreNear(
        _ type: DType, _ bound: Double
    ) throws {
        let model = try Written()
        let windows = try TokenWindows(ids: ids(32), length: 16)
        let float32 = try StreamedEvaluation(model.decoder, dtype: .float32).measure(windows).meanLoss
        let narrow = try StreamedEvaluation(model.decoder, dtype: type).measure(windows).meanLoss
        #expect(abs(float32 - narrow) < bound && float32 != narrow)
    }

    @Test func weightsThatAreNotNumbersGiveNoPerplexity() throws {
        let broken = try Written {
            $0.edit = { name, values in if name.contains("layers.1.mlp.down") { values[3] = .nan } }
        }
        let found = try StreamedEvaluation(broken.decoder, against: try Written().decoder, dtype: .float32)
            .measure(try TokenWindows(ids: ids(16), length: 8))
        #expect(found.perplexity.isNaN && found.divergence?.kl.isNaN == true)
        #expect(found.divergence?.denseMeanLoss.isFinite == true)
    }

    @Test func vocabulariesOfDifferentSizesCannotBeCompared() throws {
        let small = try Written()
        let large = try Written { $0.vocabulary = 300 }
        let fault = #expect(throws: Fault.self) {
            try StreamedEvaluation(small.decoder, against: large.decoder, dtype: .float32)
        }
        #expect(fault?.kind == .badData)
        #expect(fault?.found == "258 tokens" && fault?.expected?.hasPrefix("300 tokens") == true)
    }

    @Test func idsOutsideTheVocabularyAreRefusedWithTheirPlace() throws {
        var tokens = ids(24)
        tokens[13] = 258
        let windows = try TokenWindows(ids: tokens, length: 8)
        let model = try Written()
        let fault = #expect(throws: Fault.self) {
            try StreamedEvaluation(model.decoder, dtype: .float32).measure(windows)
        }
        #expect(fault?.place == "window 1, position 5" && fault?.found == "id 258" && fault?.expected == "0 to 257")
    }

    @Test func textsTooShortToScoreAreRefusedWithCounts() {
        let short = #expect(throws: Fault.self) { try TokenWindows(consecutive: ids(7), length: 8) }
        #expect(short?.kind == .badData && short?.found == "7 tokens" && short?.expected == "at least 8 tokens")
        let empty = #expect(throws: Fault.self) { try TokenWindows(consecutive: [], length: 8) }
        #expect(empty?.found == "0 tokens")
        let single = #expect(throws: Fault.self) { try TokenWindows(ids: ids(7), length: 1) }
        #expect(single?.kind == .badData && single?.found == "1 tokens per window")
    }

    @Test func theLimitTakesTheFirstWindows() throws {
        let windows = try TokenWindows(consecutive: ids(50), length: 10, limit: 2)
        #expect(windows.ids == Array(ids(50).prefix(20)))
        #expect(try TokenWindows(consecutive: ids(50), length: 10, limit: 9).count == 5)
    }

    @Test func windowsOfTwoTokensAndASingleTokenOfVocabularyAreDefined() throws {
        let model = try Written {
            $0.vocabulary = 1
            $0.layers = 1
        }
        let found = try StreamedEvaluation(model.decoder, dtype: .float32)
            .measure(try TokenWindows(ids: [0, 0], length: 2))
        #expect(found.perplexity == 1 && found.scoredTokens == 1)
    }
}
