import Faults
import Torch

/// The processes that share a passage's samples, and this one's place among them.
///
/// Each takes its own samples through the blocks. What is a sum over all samples, such as a second moment, is the sum
/// of what the ranks found; every rank gets it, to the same bit.
public struct Ranks: Sendable {
    public let rank: Int
    public let count: Int
    private let add: (@Sendable (Tensor) throws(Fault) -> Void)?

    /// One process that has all samples: its sums are those of all.
    public static let alone = Ranks(rank: 0, count: 1, add: nil)

    /// - Parameter add: adds what the other ranks have at the same place to a tensor.
    public init(rank: Int, of count: Int, add: @escaping @Sendable (Tensor) throws(Fault) -> Void) {
        self.init(rank: rank, count: count, add: add)
    }

    private init(rank: Int, count: Int, add: (@Sendable (Tensor) throws(Fault) -> Void)?) {
        precondition(rank >= 0 && rank < count, "a rank is one of its count")
        (self.rank, self.count, self.add) = (rank, count, add)
    }

    /// This rank's part of some samples: consecutive ones, as many as the other ranks have or one more.
    public func own<Sample>(_ samples: [Sample]) -> [Sample] {
        Array(samples[rank * samples.count / count..<(rank + 1) * samples.count / count])
    }

    /// Makes a sum over this rank's samples one over all, in place.
    ///
    /// - Throws: what the exchange throws.
    public func sum(_ own: Tensor) throws(Fault) { try add?(own) }

    /// How many samples all ranks have, of which this one has so many.
    ///
    /// - Throws: what the exchange throws.
    public func sum(_ own: Int) throws(Fault) -> Int {
        guard add != nil else { return own }
        let total = Tensor.full([1], Double(own), .float64)
        try sum(total)
        return Int(total.scalar)
    }
}
