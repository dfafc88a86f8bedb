import Decoders
import Faults
import Randomness
import Torch

/// A prompt's length, how many are read at once, and how many tokens each is continued by.
public struct SpeedCase: Hashable, Sendable {
    public var prompt: Int
    public var batch: Int
    public var newTokens: Int

    public init(prompt: Int, batch: Int, newTokens: Int) {
        self.prompt = prompt
        self.batch = batch
        self.newTokens = newTokens
    }
}

/// One measurement of a case.
public struct SpeedSample: Equatable, Sendable {
    /// Seconds from the prompts to the first new token of each.
    public var timeToFirstToken: Double
    /// New tokens per second after the first one, of all sequences together.
    public var decodeTokensPerSecond: Double

    public init(timeToFirstToken: Double, decodeTokensPerSecond: Double) {
        self.timeToFirstToken = timeToFirstToken
        self.decodeTokensPerSecond = decodeTokensPerSecond
    }
}

/// Reads prompts and writes after them, the likeliest token at a time, with a key-value cache.
///
/// Prompts are random tokens: what they say does not change the time, and no end token stops a sequence.
public struct SpeedTest {
    private let model: LoadedDecoder

    public init(_ model: LoadedDecoder) { self.model = model }

    /// - Throws: `usage` when a sequence would be longer than the model's capacity.
    public func sample(_ test: SpeedCase) throws(Fault) -> SpeedSample {
        guard test.prompt + test.newTokens <= model.capacity else {
            throw Fault(
                .usage, "the sequences are longer than the model's context",
                found: "\(test.prompt) and \(test.newTokens) new tokens", expected: "at most \(model.capacity) in all")
        }
        var generator = SplitMix64(seed: 1)
        let size = UInt64(model.configuration.vocabularySize)
        var ids = (0..<test.prompt * test.batch).map { _ in Int32(generator.next() % size) }
        let cache = model.makeCache()
        func next() throws(Fault) {
            ids = try model.logits(ids, batch: test.batch, cache: cache).argmax(1).int64s().map { Int32($0) }
        }
        let start = ContinuousClock.now
        try next()
        let reading = start.duration(to: .now) / .seconds(1)
        let written = ContinuousClock.now
        for _ in 1..<max(2, test.newTokens) { try next() }
        let writing = written.duration(to: .now) / .seconds(1)
        let count = Double(test.batch * (max(2, test.newTokens) - 1))
        return SpeedSample(timeToFirstToken: reading, decodeTokensPerSecond: count / max(writing, 1e-9))
    }
}

/// The middle and the ends of repeated measurements.
public struct Spread: Equatable, Sendable {
    public let median: Double
    public let least: Double
    public let most: Double

    /// - Parameter values: at least one.
    public init(_ values: [Double]) {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
        least = sorted[0]
        most = sorted[sorted.count - 1]
    }
}
