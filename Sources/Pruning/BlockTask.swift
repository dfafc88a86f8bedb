import Decoders
import Faults
import Torch

/// One block to be pruned, with everything a pruner may look at.
public struct BlockTask {
    /// The dense block, float32.
    public let block: Block
    public let goals: Goals
    public let rotary: RotaryTable
    /// What reaches the block through the pruned blocks before it: this rank's samples.
    public let input: HiddenStream
    public let ranks: Ranks
    /// What the dense block makes of the dense stream, where a method asks for it.
    public let denseOutput: HiddenStream?
    /// Number type of the matrix products; where they are differentiated, `compute.forGradients`.
    public let compute: DType
    /// Samples in one forward pass without gradients.
    public let batch: Int
    public let device: Device
    public let seed: UInt64
    /// The block as a reader of the written file will see it, after the cast to the type that is written.
    public let asWritten: (Block) -> Block
    /// Called with the share of the block's work that is done.
    public let progress: (Double) -> Void

    public init(
        block: Block, goals: Goals, rotary: RotaryTable, input: HiddenStream, ranks: Ranks = .alone,
        denseOutput: HiddenStream?, compute: DType, batch: Int, device: Device, seed: UInt64,
        asWritten: @escaping (Block) -> Block = { $0 },
        progress: @escaping (Double) -> Void = { _ in }
    ) {
        self.block = block
        self.goals = goals
        self.rotary = rotary
        self.input = input
        self.ranks = ranks
        self.denseOutput = denseOutput
        self.compute = compute
        self.batch = batch
        self.device = device
        self.seed = seed
        self.asWritten = asWritten
        self.progress = progress
    }

    public var layer: Int { block.geometry.layer }

    /// `denseOutput` of a pruner that asked for it.
    ///
    /// - Throws: `badData` when it was not given: towards another target the block would be trained wrongly.
    func requireDenseOutput() throws(Fault) -> HiddenStream {
        guard let denseOutput else {
            throw Fault(
                .badData, "a block is to be optimized without the dense model's output: please report this",
                place: "block \(layer)")
        }
        return denseOutput
    }

    /// Linears of a projection that are to be pruned.
    func hasGoal(_ name: ProjectionName) -> Bool { name.linears.contains { goals[$0] != nil } }

    /// The statistics of the inputs of all projections of `block`, over the samples of all ranks, or over those that
    /// each names of its own. `down`'s product is not needed for them and is not made.
    func statistics(of block: Block, samples: [Int]? = nil, gram: Bool = false) throws(Fault) -> InputStatistics {
        var statistics = InputStatistics(block: block, gram: gram, device: device)
        let working = block.to(compute)
        let groups = batches(of: samples ?? Array(0..<input.samples))
        for indices in groups {
            let x = try input.read(contiguous: indices).to(device)
            Engine.withoutGradient { working.observe(x, rotary: rotary) { statistics.add($0, $1) } }
        }
        try statistics.finish(ranks)
        guard statistics.areFinite() else {
            throw Fault(
                .badData, "the activations are not finite", place: "block \(layer)",
                advice: "run `espalier inspect` on the model, or use --dtype float32")
        }
        return statistics
    }

    /// Parts of at most `batch` samples.
    public func batches(of samples: [Int]) -> [[Int]] {
        stride(from: 0, to: samples.count, by: batch).map { Array(samples[$0..<min($0 + batch, samples.count)]) }
    }

    /// The block's output for some samples, float32.
    public func forward(_ working: Block, samples: [Int]) throws(Fault) -> Tensor {
        let x = try input.read(contiguous: samples).to(device)
        return Engine.withoutGradient { working(x, rotary: rotary) }
    }
}

extension HiddenStream {
    /// The given samples; without a copy when they follow each other.
    func read(contiguous indices: [Int]) throws(Fault) -> Tensor {
        guard let first = indices.first, indices == Array(first..<first + indices.count) else {
            return try read(indices)
        }
        return try read(first..<first + indices.count)
    }
}

/// What a pruner made of a block.
public struct BlockOutcome {
    /// Float32, with zeros where the masks say so.
    public var block: Block
    /// The keep-mask [Σ out, in] of every projection with a goal.
    public var masks: [ProjectionName: Tensor]
    /// The block under its mask before anything was optimised or compensated, where that differs from the result.
    public var unoptimised: Block?
    /// Mean loss per round or epoch of an optimiser.
    public var losses: [Double] = []
    /// Whether the guard put the weights from before the optimisation back.
    public var restored = false
    /// The step size with which the optimisation helped, where it had to be lowered.
    public var loweredRate: Double?
    public var notes: [String] = []

    public init(block: Block, masks: [ProjectionName: Tensor]) {
        self.block = block
        self.masks = masks
    }
}

/// What works on one block after the other, as a run and a plan see it.
public protocol BlockWorker {
    /// Whether it wants the dense model's own stream beside the pruned one.
    var needsDenseStream: Bool { get }
    /// Hidden states of all samples that it keeps in memory itself, as float32, in words; nil where it keeps none.
    var keptStates: String? { get }
    /// What it does with a block, for so many samples.
    func work(samples: Int) -> BlockWork
    /// What it does with a block that those counts do not tell.
    func steps(_ size: BlockSize) -> [WorkStep]
    /// Bytes that it holds beside the dense block while it optimises.
    func optimiserBytes(_ size: BlockSize) -> Int
}

extension BlockWorker {
    public var needsDenseStream: Bool { false }
    public var keptStates: String? { nil }
    public func steps(_ size: BlockSize) -> [WorkStep] { [] }
    public func optimiserBytes(_ size: BlockSize) -> Int { 0 }
}

/// Turns a dense block into one with zeros.
public protocol BlockPruner: BlockWorker {
    /// The weights that it compares with each other, unless a K:M pattern says so: every group gets its exact count of
    /// zeros.
    var group: ComparisonGroup { get }
    /// What prunes as it does, or begins to, without optimisation: the candidates of `--allocate search` are its.
    var candidate: any BlockPruner { get }
    func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome
}

extension BlockPruner {
    public var candidate: any BlockPruner { self }
}
