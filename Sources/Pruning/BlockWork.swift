/// What a method does with one block, counted in the operations that a plan measures on the machine and adds up from
/// shapes. What a run does with every block, whatever the method, is not in it.
public struct BlockWork: Equatable, Sendable {
    /// Sequences in passes that gather squares, and in passes that gather Gram matrices.
    public var statistics: Double
    public var grams: Double
    /// Sequences in forward passes.
    public var forwards: Double
    /// Sequences that are passed forward and back.
    public var trainings: Double
    /// Sequences in one such pass.
    public var step: Int
    /// Updates of all weights by an optimizer.
    public var updates: Double
    /// Choices of a mask for all weights.
    public var masks: Double
    /// Gradients squared and added for all weights.
    public var accumulations: Double
    /// Mask and weights of all linears found together: by SparseGPT, or by ADMM.
    public var solves: Double
    public var alternations: Double
    /// Casts of all weights to what is written and back.
    public var casts: Double
    /// Whether the outcome holds the block as it was before its optimisation, whose error is then measured, too.
    public var tellsStart: Bool

    public init(
        statistics: Double = 0, grams: Double = 0, forwards: Double = 0, trainings: Double = 0, step: Int = 1,
        updates: Double = 0, masks: Double = 0, accumulations: Double = 0, solves: Double = 0,
        alternations: Double = 0, casts: Double = 0, tellsStart: Bool = false
    ) {
        (self.statistics, self.grams, self.forwards) = (statistics, grams, forwards)
        (self.trainings, self.step, self.updates) = (trainings, step, updates)
        (self.masks, self.accumulations) = (masks, accumulations)
        (self.solves, self.alternations, self.casts) = (solves, alternations, casts)
        self.tellsStart = tellsStart
    }

    /// Two pieces of work, one after the other.
    public static func + (left: BlockWork, right: BlockWork) -> BlockWork {
        BlockWork(
            statistics: left.statistics + right.statistics, grams: left.grams + right.grams,
            forwards: left.forwards + right.forwards, trainings: left.trainings + right.trainings,
            step: max(left.step, right.step), updates: left.updates + right.updates, masks: left.masks + right.masks,
            accumulations: left.accumulations + right.accumulations, solves: left.solves + right.solves,
            alternations: left.alternations + right.alternations, casts: left.casts + right.casts,
            tellsStart: left.tellsStart || right.tellsStart)
    }
}

/// A step of a method's own, which the counts of `BlockWork` do not tell.
public struct WorkStep: Equatable, Sendable {
    /// As a plan lists it: "solver".
    public let name: String
    /// Floating-point operations of its matrix products in float32, for a block; a multiply-add counts two.
    public let operations: Double
    /// That it holds at once beside the dense block.
    public let bytes: Int

    public init(_ name: String, operations: Double, bytes: Int) {
        (self.name, self.operations, self.bytes) = (name, operations, bytes)
    }
}

/// What a method's work on a block depends on.
public struct BlockSize: Sendable {
    /// Shapes of the block's linears.
    public let linears: [(out: Int, in: Int)]
    /// Of the calibration text: samples, tokens of a sample, and the width of a hidden state.
    public let samples: Int
    public let tokens: Int
    public let hidden: Int
    /// Bytes of a number in differentiated products: 4, or 2 where they are narrower.
    public let gradientByteCount: Int

    public init(linears: [(out: Int, in: Int)], samples: Int, tokens: Int, hidden: Int, gradientByteCount: Int) {
        (self.linears, self.samples, self.tokens, self.hidden) = (linears, samples, tokens, hidden)
        self.gradientByteCount = gradientByteCount
    }

    /// Of all linears.
    public var weights: Int { linears.reduce(0) { $0 + $1.out * $1.in } }
}
