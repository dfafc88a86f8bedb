import Pruning

/// What a run tells while it works.
public enum RunEvent {
    /// Something the user should know, one sentence.
    case warning(String)
    /// What happens now, one sentence.
    case note(String)
    /// The walk is at a block, with the share of the whole walk that is done.
    case progress(block: Int, blocks: Int, fraction: Double)
    case finished(BlockReport)
    /// From here on an interrupted run can be resumed.
    case resumable
    /// Nothing but the output's name is missing: what is interrupted now is finished.
    case publishing
}

public typealias EventHandler = (RunEvent) -> Void

/// Events of one part of a longer run.
struct PartialEvents {
    let handler: EventHandler
    /// The fractions of the whole between which this part lies.
    let range: ClosedRange<Double>

    func handle(_ event: RunEvent) {
        guard case .progress(let block, let blocks, let fraction) = event else { return handler(event) }
        let whole = range.lowerBound + fraction * (range.upperBound - range.lowerBound)
        handler(.progress(block: block, blocks: blocks, fraction: whole))
    }
}

/// What became of one block.
public struct BlockReport: Equatable, Sendable {
    public var index: Int
    /// Relative error of the block's output under its mask before any update: the mean over tokens of
    /// ‖ŷ − y‖² / ‖y‖² on a few sequences kept out, ŷ from the weights as written, y from the dense block on the same
    /// input; where whole units went, on the dense stream. Nil where no data was looked at.
    public var errorBefore: Double?
    /// The same for the block as written.
    public var errorAfter: Double?
    /// The same by linear, for those with as many outputs as before: their own output, always on the same input.
    public var linearErrors: [(linear: String, error: Double)] = []
    /// Time for the block; nil for a block that an earlier, interrupted run committed.
    public var seconds: Double?
    /// Fraction of zeros by linear.
    public var sparsity: [(linear: String, fraction: Double)] = []
    /// The share asked for of each linear, where an allocation gives them different ones.
    public var asked: [(linear: String, fraction: Double)] = []
    /// Weights removed, and weights of the linears that were to be pruned.
    public var removed = 0
    public var weights = 0
    public var losses: [Double] = []
    public var restored = false
    /// The step size of the optimizer, as a share of mean |w|, where it had to be lowered.
    public var loweredRate: Double?

    init(index: Int) { self.index = index }

    /// Takes over what the optimizer says of itself.
    mutating func take(_ outcome: BlockOutcome) {
        (losses, restored, loweredRate) = (outcome.losses, outcome.restored, outcome.loweredRate)
    }

    /// Takes over what was measured; without a step in between the error before is the error after.
    mutating func take(_ errors: BlockErrors) {
        (errorBefore, errorAfter) = (errors.before ?? errors.after, errors.after)
        linearErrors = errors.linears
    }

    /// Whether both say the same.
    public static func == (left: BlockReport, right: BlockReport) -> Bool {
        left.json(timed: true) == right.json(timed: true)
    }
}
