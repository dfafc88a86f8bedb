import Faults
import Files
import Torch

/// A model with all its weights in memory, for generating token after token.
public struct LoadedDecoder {
    public let configuration: DecoderConfiguration
    public let device: Device
    /// Of the checkpoint, for messages.
    private let path: String
    /// Positions that a sequence may have here.
    public let capacity: Int
    /// [vocabulary, hidden]; the output matrix where the two are tied.
    private let embedding: Tensor
    /// With all blocks in memory.
    private let passage: Passage
    private let head: Head
    private let rotary: RotaryTable

    /// Reads every weight.
    ///
    /// - Parameters:
    ///   - dtype: the number type of the matrix products.
    ///   - capacity: the longest sequence, in tokens.
    ///   - progress: told the number of blocks read.
    public init(
        _ decoder: Decoder, dtype: DType, capacity: Int, progress: (Int) -> Void = { _ in }
    ) throws(Fault) {
        configuration = decoder.configuration
        path = decoder.checkpoint.path
        try LoadedDecoder.checkMemory(configuration, capacity: capacity, dtype: dtype)
        device = decoder.device
        self.capacity = capacity
        head = try decoder.head(dtype: dtype)
        embedding = configuration.tiesWordEmbeddings ? head.weight : try decoder.embedding().to(dtype)
        passage = Passage(BlockSource(decoder, dtype: dtype, residentBytes: .max), compute: dtype)
        try passage.forward { (step) throws(Fault) in progress(step.layer + 1) }
        rotary = decoder.rotary(positions: capacity)
    }

    /// A sequence's keys, values and angles have their room from the start.
    private static func checkMemory(
        _ configuration: DecoderConfiguration, capacity: Int, dtype: DType
    ) throws(Fault) {
        let keys = configuration.layers.reduce(0) { $0 + $1.keyValueHeadCount } * configuration.headDimension
        let bytes = 2 * keys * dtype.byteCount + 4 * 4 * configuration.headDimension
        let (all, overflow) = bytes.multipliedReportingOverflow(by: capacity)
        try FreeMemory.check(overflow ? .max : all, for: "a sequence of \(capacity) tokens")
    }

    public func makeCache() -> KeyValueCache { KeyValueCache(layerCount: passage.layerCount, capacity: capacity) }

    /// The logits that follow the last of some tokens.
    ///
    /// - Parameters:
    ///   - ids: [b, t] row by row, each below the vocabulary's size; they continue what the cache holds, and with it
    ///     they are at most `capacity` positions.
    ///   - batch: b
    /// - Returns: [b, vocabulary], float32
    /// - Throws: `badData` for an id that is not in the vocabulary.
    public func logits(_ ids: [Int32], batch: Int = 1, cache: KeyValueCache) throws(Fault) -> Tensor {
        try configuration.checkTokens(ids, file: path)
        return try Engine.withoutGradient { () throws(Fault) in
            let tokens = ids.count / batch
            let hidden = configuration.hiddenSize
            let rows = embedding.selected(Tensor(ids.map(Int64.init), device: device)).to(.float32)
            let lane = BatchLane(
                [configuration.blueprint.scaled(rows).reshaped([batch, tokens, hidden])],
                [LanePositions(rotary: rotary, cache: cache)])
            try passage.forward { (step) throws(Fault) in try step.advance(lane) }
            cache.advance(tokens)
            return head(lane.batches[0].narrowed(1, tokens - 1, 1).reshaped([batch, hidden]))
        }
    }
}
