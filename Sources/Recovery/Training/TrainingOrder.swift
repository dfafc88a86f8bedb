import Randomness

/// Which samples a step trains on: all in an order of chance or in their own, then all again. It follows from the number of
/// the step alone, so that a resumed run goes on as if nothing had been.
public struct TrainingOrder: Equatable, Sendable {
    /// Samples that are trained on.
    public let samples: [Int]
    /// Samples of a step.
    public let batch: Int
    /// Of the order of chance; nil keeps their own.
    public let seed: UInt64?

    public init(samples: [Int], batch: Int, seed: UInt64?) {
        (self.samples, self.batch, self.seed) = (samples, max(1, batch), seed)
    }

    /// - Parameter step: 1-based.
    public func batch(step: Int) -> [Int] {
        guard !samples.isEmpty else { return [] }
        var result: [Int] = []
        var (epoch, order) = (-1, [Int]())
        for place in (step - 1) * batch..<step * batch {
            guard let seed else {
                result.append(samples[place % samples.count])
                continue
            }
            if place / samples.count != epoch {
                epoch = place / samples.count
                var generator = SplitMix64(seed: seed &+ UInt64(epoch) &* 0x9E37_79B9_7F4A_7C15)
                order = generator.permutation(samples.count)
            }
            result.append(samples[order[place % samples.count]])
        }
        return result
    }
}
