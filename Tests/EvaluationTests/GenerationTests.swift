import Decoders
import Evaluation
import Faults
import Testing
import Torch

struct GenerationTests {
    private func loaded(_ model: Written, capacity: Int = 64) throws -> LoadedDecoder {
        try LoadedDecoder(model.decoder, dtype: .float32, capacity: capacity)
    }

    @Test func greedyTakesTheLikeliestTokenOfEachStep() throws {
        let model = try Written()
        let result = try Generator(try loaded(model), endTokens: []).generate(from: [1, 2, 3], limit: 6)
        #expect(result.ids.count == 6 && result.stop == .length)
        var sequence: [Int32] = [1, 2, 3]
        for id in result.ids {
            let last = try #require(try logProbabilities(model.decoder, sequence).last)
            #expect(last.indices.max { last[$0] < last[$1] } == Int(id))
            sequence.append(id)
        }
    }

    @Test func anEndTokenEndsTheTextAndIsNotPartOfIt() throws {
        let model = try loaded(try Written())
        let free = try Generator(model, endTokens: []).generate(from: [1], limit: 8).ids
        let third = free[2]
        let expected = Array(free.prefix { $0 != third })
        let result = try Generator(model, endTokens: [third]).generate(from: [1], limit: 8)
        #expect(result == Generator.Result(ids: expected, stop: .endToken))
    }

    @Test func aFullContextEndsTheText() throws {
        let result = try Generator(try loaded(try Written(), capacity: 5), endTokens: [])
            .generate(from: [1, 2, 3], limit: 10)
        // The fifth position's prediction still counts.
        #expect(result.ids.count == 3 && result.stop == .context)
    }

    @Test func everyTokenIsToldAsItComes() throws {
        var seen: [Int32] = []
        let result = try Generator(try loaded(try Written()), endTokens: [])
            .generate(from: [9], limit: 4) { (id) throws(Fault) in seen.append(id) }
        #expect(seen == result.ids)
    }

    @Test func aSeedRepeatsItsDraws() throws {
        let generator = Generator(try loaded(try Written()), endTokens: [])
        func drawn(_ settings: SamplingSettings) throws -> [Int32] {
            try generator.generate(from: [1], limit: 16, sampling: settings).ids
        }
        let first = try drawn(SamplingSettings(temperature: 1, seed: 3))
        #expect(try drawn(SamplingSettings(temperature: 1, seed: 3)) == first)
        #expect(try drawn(SamplingSettings(temperature: 1, seed: 4)) != first)
    }

    @Test func narrowSamplingIsGreedy() throws {
        let generator = Generator(try loaded(try Written()), endTokens: [])
        let greedy = try generator.generate(from: [1], limit: 8).ids
        #expect(
            try generator.generate(from: [1], limit: 8, sampling: SamplingSettings(temperature: 1, topP: 1e-9)).ids
                == greedy)
        #expect(
            try generator.generate(from: [1], limit: 8, sampling: SamplingSettings(temperature: 1e-30)).ids == greedy)
    }

    @Test func promptsThatCannotBeContinuedAreRefused() throws {
        let generator = Generator(try loaded(try Written(), capacity: 4), endTokens: [])
        for prompt: [Int32] in [[], [258], [-1], [1, 2, 3, 4, 5]] {
            let fault = #expect(throws: Fault.self) { try generator.generate(from: prompt, limit: 1) }
            #expect(fault?.kind == .badData)
        }
    }

    @Test func weightsThatAreNotNumbersEndTheText() throws {
        let broken = try Written { $0.edit = { name, values in if name.contains("down") { values[0] = .infinity } } }
        let result = try Generator(try loaded(broken), endTokens: []).generate(from: [1, 2], limit: 4)
        #expect(result == Generator.Result(ids: [], stop: .notANumber))
    }

    @Test func sequencesAreSampledInBatches() throws {
        let model = try Written()
        func sample(_ seed: UInt64, start: Int32?) throws -> [[Int32]] {
            try BatchSampling.sample(
                model.decoder, count: 5, length: 7, temperature: 1, seed: seed, start: start, dtype: .float32, batch: 2)
        }
        let sequences = try sample(1, start: 256)
        #expect(sequences.count == 5 && sequences.allSatisfy { $0.count == 7 && $0.first == 256 })
        #expect(Set(sequences).count > 1)
        #expect(try sample(1, start: 256) == sequences)
        #expect(try sample(2, start: 256) != sequences)
        let free = try sample(1, start: nil)
        #expect(Set(free.compactMap(\.first)).count > 1)
        #expect(free.joined().allSatisfy { (0..<258).contains($0) })
    }

    @Test func afterAnEndTokenTheNextTextBegins() throws {
        let model = try Written()
        func sample(start: Int32?, ends: Set<Int32>) throws -> [[Int32]] {
            try BatchSampling.sample(
                model.decoder, count: 4, length: 40, temperature: 1, seed: 1, start: start, endTokens: ends,
                dtype: .float32)
        }
        let ends = Set(Int32(0)..<128)
        for row in try sample(start: 256, ends: ends) {
            for (token, next) in zip(row, row.dropFirst()) where ends.contains(token) { #expect(next == 256) }
            #expect(row.contains { ends.contains($0) })
        }
        // Without a token to begin with the model goes on by itself.
        #expect(try sample(start: nil, ends: ends) == sample(start: nil, ends: []))
        // A token that begins and ends texts begins no second one.
        #expect(try sample(start: 256, ends: [256]) == sample(start: 256, ends: []))
    }

    /// Collects the answers to prompts, with where each begins.
    private func answers(
        _ model: Written, _ prompts: [[Int32]], length: Int = 24, temperature: Double = 0, ends: Set<Int32> = [],
        batch: Int = 2, most: Int = .max
    ) throws -> [(whole: [Int32], start: Int)] {
        var (rest, list) = (prompts[...], [(whole: [Int32], start: Int)]())
        try BatchSampling.answers(
            model.decoder, length: length, temperature: temperature, seed: 4, endTokens: ends, dtype: .float32,
            batch: batch, prompt: { rest.popFirst() }
        ) { whole, start in
            list.append((whole, start))
            return list.count < most
        }
        return list
    }

    @Test func promptsOfAnyLengthsAreAnsweredTogetherAsEachAlone() throws {
        let model = try Written()
        let prompts: [[Int32]] = [[1, 2, 3], [9], [4, 5, 6, 7, 8], [11, 12], [13, 14, 15]]
        let free = try answers(model, prompts)
        let generator = Generator(try loaded(model), endTokens: [])
        for (prompt, answer) in zip(prompts, free) {
            #expect(answer.start == prompt.count && answer.whole.count == 24)
            #expect(try answer.whole == prompt + generator.generate(from: prompt, limit: 24 - prompt.count).ids)
        }
        // The end stands in the answer, and nothing after it; one who has ended does not end the others.
        let end = free[0].whole[3 + 2]
        let ended = try answers(model, prompts, ends: [end])
        for (whole, answer) in zip(free, ended) {
            let stop = whole.whole[whole.start...].firstIndex(of: end).map { $0 + 1 } ?? 24
            #expect(answer.whole == Array(whole.whole[..<stop]))
        }
        #expect(ended.contains { $0.whole.count < 24 })
        #expect(try answers(model, prompts, most: 3).count == 3)
    }

    @Test func answersAreDrawnFromTheSeed() throws {
        let model = try Written()
        let prompts: [[Int32]] = [[1, 2, 3], [1, 2, 3], [7]]
        let first = try answers(model, prompts, temperature: 1).map(\.whole)
        #expect(try answers(model, prompts, temperature: 1).map(\.whole) == first)
        #expect(first[0] != first[1])
        #expect(throws: Fault.self) { try answers(model, prompts, length: 65) }
    }

    @Test func sequencesLongerThanTheContextAreRefused() throws {
        let model = try Written()
        let fault = #expect(throws: Fault.self) {
            try BatchSampling.sample(
                model.decoder, count: 1, length: 65, temperature: 1, seed: 0, start: 1, dtype: .float32)
        }
        #expect(fault?.found == "65 tokens")
    }
}
