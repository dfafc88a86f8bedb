import Randomness
import Torch

/// How the next token is chosen from logits.
public struct SamplingSettings: Equatable, Sendable {
    /// 0 takes the likeliest token; else the logits are divided by it and a token is drawn.
    public var temperature: Double
    /// Tokens are drawn from the likeliest ones that together have this probability.
    public var topP: Double
    public var seed: UInt64

    public init(temperature: Double = 0, topP: Double = 1, seed: UInt64 = 0) {
        self.temperature = temperature
        self.topP = topP
        self.seed = seed
    }

    public static let greedy = SamplingSettings()
}

/// Draws tokens; the same logits and seed give the same tokens.
struct TokenSampler {
    private let settings: SamplingSettings
    private var generator: SplitMix64

    init(_ settings: SamplingSettings) {
        self.settings = settings
        generator = SplitMix64(seed: settings.seed)
    }

    /// One token for each row of logits [b, vocabulary]. Of equal logits the lower id wins.
    mutating func next(_ logits: Tensor) -> [Int32] {
        guard settings.temperature > 0 else { return logits.argmax(1).int64s().map { Int32(truncatingIfNeeded: $0) } }
        let vocabulary = logits.size(1)
        // Shifting by the maximum first keeps tiny temperatures finite.
        let scaled = (logits - logits.maximum(1, keep: true)) * (1 / settings.temperature)
        let probabilities = scaled.softmax(1).floats()
        return (0..<logits.size(0)).map { row in
            draw(probabilities[row * vocabulary..<(row + 1) * vocabulary])
        }
    }

    private mutating func draw(_ probabilities: ArraySlice<Float>) -> Int32 {
        let point = Double(generator.next() >> 11) * 0x1p-53
        if settings.topP < 1 { return drawFromNucleus(probabilities, point) }
        let total = probabilities.reduce(0) { $0 + Double($1) }
        var sum = 0.0
        var last = 0
        for (id, probability) in probabilities.enumerated() where probability > 0 {
            sum += Double(probability)
            last = id
            if sum > point * total { break }
        }
        return Int32(last)
    }

    private func drawFromNucleus(_ probabilities: ArraySlice<Float>, _ point: Double) -> Int32 {
        let order = probabilities.enumerated().filter { $0.element > 0 }
            .sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }
        var nucleus: [(id: Int, upTo: Double)] = []
        var sum = 0.0
        for (id, probability) in order {
            sum += Double(probability)
            nucleus.append((id, sum))
            if sum >= settings.topP { break }
        }
        return Int32((nucleus.first { $0.upTo > point * sum } ?? nucleus.last)?.id ?? 0)
    }
}
