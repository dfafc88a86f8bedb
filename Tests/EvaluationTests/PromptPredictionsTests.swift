import Checkpoints
import Decoders
import Faults
import TestSupport
import Testing
import Torch

@testable import Evaluation

/// Predictions for sequences of different lengths.
struct PromptPredictionsTests {
    private let sequences: [PromptPredictions.Sequence] = [
        .init(ids: [5, 6, 7, 8, 9, 10, 11], scoredFrom: 1), .init(ids: [20, 21], scoredFrom: 1),
        .init(ids: [30, 31, 32, 33, 34], scoredFrom: 3), .init(ids: [20, 21], scoredFrom: 1),
    ]

    private func decoder(_ folder: TemporaryFolder) throws -> Decoder {
        try TinyModel().write(to: folder)
        return try Decoder(try Checkpoint.open(folder.path))
    }

    /// Sequence, first token and likelihoods of each part.
    private func visit(_ predictions: PromptPredictions) throws -> [(Int, Int, [Float])] {
        var parts: [(Int, Int, [Float])] = []
        try predictions.visit(sequences) { sequence, first, logProbabilities throws(Fault) in
            parts.append((sequence, first, logProbabilities.floats()))
        }
        return parts
    }

    @Test func filledUpSequencesArePredictedAsAlone() throws {
        let folder = try TemporaryFolder()
        let decoder = try decoder(folder)
        let parts = try visit(PromptPredictions(decoder, dtype: .float32))
        #expect(parts.map(\.0) == [0, 1, 2, 3] && parts.map(\.1) == [1, 1, 3, 1])
        #expect(parts.map { $0.2.count } == [6 * 258, 258, 2 * 258, 258])
        let loaded = try LoadedDecoder(decoder, dtype: .float32, capacity: 16)
        for (sequence, first, values) in parts {
            for row in 0..<values.count / 258 {
                let given = Array(sequences[sequence].ids.prefix(first + row))
                let alone = try loaded.logits(given, cache: loaded.makeCache()).logSoftmax(1).floats()
                let found = values[row * 258..<(row + 1) * 258]
                #expect(zip(found, alone).allSatisfy { abs($0 - $1) < 1e-4 })
            }
        }
    }

    @Test func smallPiecesGiveTheSame() throws {
        let folder = try TemporaryFolder()
        let decoder = try decoder(folder)
        let whole = try visit(PromptPredictions(decoder, dtype: .float32))
        var pieces = PromptPredictions(decoder, dtype: .float32)
        (pieces.streamBytes, pieces.batchTokens, pieces.headElements) = (1, 1, 1)
        var joined = [[Float]](repeating: [], count: sequences.count)
        for (sequence, first, values) in try visit(pieces) {
            #expect(first == sequences[sequence].scoredFrom + joined[sequence].count / 258)
            joined[sequence] += values
        }
        for (part, other) in zip(whole, joined) { #expect(zip(part.2, other).allSatisfy { abs($0 - $1) < 1e-4 }) }
    }

    @Test func sequencesThatDoNotFitTheModelAreRefused() throws {
        let folder = try TemporaryFolder()
        let predictions = PromptPredictions(try decoder(folder), dtype: .float32)
        for ids in [[Int32](repeating: 1, count: 65), [1, 258], [1, -1]] {
            #expect(throws: Fault.self) {
                try predictions.visit([.init(ids: ids, scoredFrom: 1)]) { _, _, _ in }
            }
        }
    }
}
