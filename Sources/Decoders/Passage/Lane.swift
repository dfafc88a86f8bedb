import Faults
import Torch

/// Hidden states that go through the blocks together, a batch at a time.
public protocol Lane {
    /// Batches, each of which goes through a block in one pass.
    var batchCount: Int { get }
    /// The states [b, t, hidden] of a batch, float32 on the model's device.
    func states(_ batch: Int) throws(Fault) -> Tensor
    /// Replaces the states of a batch by what a block made of them.
    func replace(_ batch: Int, _ states: Tensor) throws(Fault)
    /// Where the tokens of a batch stand.
    func positions(_ batch: Int) -> LanePositions
}

/// Where the tokens of a batch stand: the angles of their positions, for sequences that share their beginnings how they
/// hang together, and for sequences that go on what came before.
public struct LanePositions {
    public var rotary: RotaryTable
    public var tree: TokenTree?
    public var cache: KeyValueCache?

    public init(rotary: RotaryTable, tree: TokenTree? = nil, cache: KeyValueCache? = nil) {
        self.rotary = rotary
        self.tree = tree
        self.cache = cache
    }
}

/// Samples of equal length, from their first position on.
public struct SampleLane: Lane {
    public let stream: HiddenStream
    /// Where the states go that leave a block: the stream itself, or another of its shape.
    private let target: HiddenStream
    public let rotary: RotaryTable
    /// Samples of a batch.
    public let batch: Int
    public let device: Device

    /// - Parameter target: takes the states that leave a block; nil replaces those that entered it.
    public init(
        _ stream: HiddenStream, into target: HiddenStream? = nil, rotary: RotaryTable, batch: Int, device: Device
    ) {
        self.stream = stream
        self.target = target ?? stream
        self.rotary = rotary
        self.batch = max(1, batch)
        self.device = device
    }

    /// A lane of its own that starts as this one.
    public func copied() throws(Fault) -> SampleLane {
        SampleLane(try stream.copied(), rotary: rotary, batch: batch, device: device)
    }

    public var batchCount: Int { (stream.samples + batch - 1) / batch }

    /// The samples of a batch.
    public func samples(_ number: Int) -> Range<Int> {
        number * batch..<min((number + 1) * batch, stream.samples)
    }

    public func states(_ number: Int) throws(Fault) -> Tensor { try stream.read(samples(number)).to(device) }

    public func replace(_ number: Int, _ states: Tensor) throws(Fault) {
        try target.write(states, at: number * batch)
    }

    public func positions(_ number: Int) -> LanePositions { LanePositions(rotary: rotary) }
}
