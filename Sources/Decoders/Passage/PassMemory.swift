import Torch

/// What a pass through one block takes beside the block's weights, in bytes, counted from shapes.
public struct PassMemory {
    private let hidden: Int
    private let query: Int
    private let keyValue: Int
    private let intermediate: Int
    private let heads: Int

    /// For a shape of which no layer is wider.
    public init(_ configuration: DecoderConfiguration) {
        let widest = configuration.widest
        hidden = configuration.hiddenSize
        query = widest.headCount * configuration.headDimension
        keyValue = widest.keyValueHeadCount * configuration.headDimension
        intermediate = widest.intermediateSize
        heads = widest.headCount
    }

    /// Without gradients: the stream, a norm, gate | up and their product; or attention's query, key and value with one
    /// chunk of scores.
    ///
    /// - Parameters:
    ///   - samples: sequences that pass together, each of so many `tokens`.
    ///   - width: bytes of a number of the matrix products.
    public func forward(samples: Int, tokens: Int, width: Int) -> Int {
        let all = samples * tokens
        let chunk = min(tokens, 128) * tokens * heads * width * samples
        return all * hidden * 8
            + max(
                all * (hidden + 3 * intermediate) * width,
                all * (hidden + 3 * query + 2 * keyValue) * width + 2 * chunk)
    }

    /// With gradients: what is kept for the way back, and the way back's own results.
    public func training(samples: Int, tokens: Int, width: Int) -> Int {
        let all = samples * tokens
        // Kept: the stream twice, two norms, query, key, value before and after the rotation, the context, gate | up
        // and their product; the probabilities of attention's lower triangle.
        let saved =
            all * (hidden * 12 + (2 * hidden + 4 * query + 4 * keyValue) * width)
            + all * 3 * intermediate * width
            + samples * heads * tokens * (tokens + min(128, tokens)) / 2 * width
        // On the way back: the gradients of gate | up and of their product.
        return saved + all * 3 * intermediate * width + all * hidden * 8
    }
}

/// Tokens that go through a block together.
public enum BatchSize {
    /// On a processor: enough rows for the matrix products' full speed, few enough that a block's intermediate results
    /// stay near the processor.
    public static let processor = 2048
    /// Numbers of a batch's hidden states on a GPU: fewer leave it idle between kernels, more fall out of its cache.
    static let deviceNumbers = 1 << 23

    /// On a device with so much memory free: the power of two that makes so many numbers, halved until a pass there and
    /// back takes a quarter of the memory at most; no less than the processor's.
    ///
    /// - Parameter tokens: of a sample.
    static func device(_ configuration: DecoderConfiguration, tokens: Int, compute: DType, free: Int) -> Int {
        let length = max(1, tokens)
        let memory = PassMemory(configuration)
        func fits(_ size: Int) -> Bool {
            memory.training(
                samples: max(1, size / length), tokens: length, width: compute.forGradients.byteCount) <= free / 4
        }
        var size = processor
        while size * configuration.hiddenSize < deviceNumbers, fits(2 * size) { size *= 2 }
        return size
    }
}

extension Decoder {
    /// Tokens that go through a block together where nobody says how many.
    ///
    /// - Parameter tokens: of a sample.
    public func batchTokens(of tokens: Int, compute: DType) -> Int {
        guard let memory = DeviceMemory.of(device) else { return BatchSize.processor }
        return BatchSize.device(configuration, tokens: tokens, compute: compute, free: memory.free)
    }
}
