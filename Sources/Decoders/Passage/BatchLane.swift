import Faults
import Torch

/// Batches of any lengths, in memory on the model's device.
public final class BatchLane: Lane {
    /// The states [b, t, hidden] of each batch.
    public private(set) var batches: [Tensor]
    private let places: [LanePositions]

    /// - Parameter places: of each batch.
    public init(_ batches: [Tensor], _ places: [LanePositions]) {
        precondition(batches.count == places.count, "each batch has its positions")
        self.batches = batches
        self.places = places
    }

    public var batchCount: Int { batches.count }
    public func states(_ batch: Int) -> Tensor { batches[batch] }
    public func replace(_ batch: Int, _ states: Tensor) { batches[batch] = states }
    public func positions(_ batch: Int) -> LanePositions { places[batch] }
}
