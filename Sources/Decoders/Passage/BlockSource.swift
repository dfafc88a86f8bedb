import Faults
import Torch

/// The blocks of a model in the order in which passages ask for them.
///
/// The next block is read and widened on a thread of its own while the current one computes. Blocks stay in memory up
/// to a limit, so that a passage that follows does not read them again; beyond it they are dropped after their use.
public final class BlockSource {
    public let decoder: Decoder
    /// The number type of the blocks' weights.
    public let dtype: DType
    /// Bytes of weights that stay.
    public var residentBytes: Int
    private var resident: [Int: Block] = [:]
    private var held = 0
    private var ahead: (layer: Int, read: ReadAhead)?

    /// - Parameter residentBytes: bytes of weights that stay in memory; 0 keeps none.
    public init(_ decoder: Decoder, dtype: DType = .float32, residentBytes: Int = 0) {
        self.decoder = decoder
        self.dtype = dtype
        self.residentBytes = residentBytes
    }

    public var layerCount: Int { decoder.configuration.layerCount }

    /// A block, and the reading of the next begun.
    ///
    /// - Parameter next: the layer that will be asked for after this one; nil reads nothing ahead.
    /// - Throws: `inputOutput` when weights cannot be read.
    public func block(_ layer: Int, next: Int?) throws(Fault) -> Block {
        let block = try self.block(layer)
        if let next, resident[next] == nil, ahead?.layer != next {
            let (decoder, dtype) = (decoder, dtype)
            ahead = (next, ReadAhead { () throws(Fault) in try decoder.block(next).to(dtype) })
        }
        return block
    }

    private func block(_ layer: Int) throws(Fault) -> Block {
        if let block = resident[layer] { return block }
        let block: Block
        if let ahead, ahead.layer == layer {
            self.ahead = nil
            block = try ahead.read.result()
        } else {
            block = try decoder.block(layer).to(dtype)
        }
        let bytes = block.byteCount
        if held + bytes <= residentBytes {
            held += bytes
            resident[layer] = block
        }
        return block
    }
}

extension Block {
    /// Bytes of the projections' weights.
    public var byteCount: Int { projections.reduce(0) { $0 + self[$1].weight.byteCount } }
}
