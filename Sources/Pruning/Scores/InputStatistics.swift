import Decoders
import Faults
import Torch

/// What a pass through a block gathers about the inputs of its projections.
public struct InputStatistics {
    /// Σ x_j² over samples and tokens, [in] float32.
    public private(set) var squares: [ProjectionName: Tensor] = [:]
    /// Σ x xᵀ over samples and tokens, [in, in] float32, where asked for.
    public private(set) var grams: [ProjectionName: Tensor] = [:]
    private let order: [ProjectionName]

    public init(block: Block, gram: Bool = false, device: Device = .cpu) {
        order = block.projections
        for name in order {
            let width = block[name].inputWidth
            if gram {
                grams[name] = Tensor.zeros([width, width], device: device)
            } else {
                squares[name] = Tensor.zeros([width], device: device)
            }
        }
    }

    /// Adds an input [.., in]; nothing of a sub-layer that is not there.
    public func add(_ name: ProjectionName, _ x: Tensor) {
        guard x.count > 0 else { return }
        squares[name]?.addColumnSquares(x)
        grams[name]?.addGram(x)
    }

    /// Adds up what the ranks gathered, and completes the squares from the diagonals of the Gram matrices.
    ///
    /// - Throws: what the ranks' exchange throws.
    public mutating func finish(_ ranks: Ranks) throws(Fault) {
        // All ranks in one order.
        for name in order {
            if let sums = squares[name] { try ranks.sum(sums) }
            if let gram = grams[name] { try ranks.sum(gram) }
        }
        for (name, gram) in grams { squares[name] = gram.diagonal().clone() }
    }

    /// Σ x_j² of one projection's input, [in].
    public func squares(_ name: ProjectionName) -> Tensor { squares[name] ?? Tensor.zeros([0]) }

    /// The norms as they enter a score, and the sums behind them, must be numbers.
    public func areFinite() -> Bool { squares.values.allSatisfy { $0.allFinite() } }
}
