import Recipes

/// A method as a value: everything that a run, a plan and a recipe ask of it.
///
/// A method is one file that makes such a value, and one line of `MethodRegistry.standard`. What belongs to its name is
/// in the declaration; what depends on a run's settings, such as comparison group, search candidate, the streams that
/// it needs and the work that it does, is told by what works on the blocks.
public struct PruningMethod: Sendable {
    /// What recipes, flags and help know of it.
    public private(set) var declaration: Method
    private let action: @Sendable (PruneSettings) -> BlockAction

    /// A method that makes single weights zero.
    ///
    /// - Parameter pruner: for a run's settings.
    public init(_ declaration: Method, pruner: @escaping @Sendable (PruneSettings) -> any BlockPruner) {
        self.declaration = declaration
        action = { .masks(pruner($0)) }
    }

    /// A method that makes single weights zero and has no settings.
    public init(_ declaration: Method, pruner: any BlockPruner & Sendable) {
        self.init(declaration) { _ in pruner }
    }

    /// A method that removes heads and neurons: a search tells how many of each layer.
    ///
    /// - Parameter refit: what makes up for them, for a run's settings.
    public init(_ declaration: Method, refit: @escaping @Sendable (PruneSettings) -> BlockRefit) {
        self.declaration = declaration
        self.declaration.removes = .units
        action = { .units(refit($0)) }
    }

    public func action(_ settings: PruneSettings) -> BlockAction { action(settings) }
}

/// What a method does with the blocks of a model under the settings of a run: one of two kinds.
public enum BlockAction {
    /// Zeros in the linears.
    case masks(any BlockPruner)
    /// Heads and neurons go; what is left of each block is re-fit.
    case units(BlockRefit)

    private var worker: any BlockWorker {
        switch self {
        case .masks(let pruner): pruner
        case .units(let refit): refit
        }
    }

    /// Whether the dense model's own stream is wanted beside the pruned one.
    public var needsDenseStream: Bool { worker.needsDenseStream }
    public var keptStates: String? { worker.keptStates }
    public func work(samples: Int) -> BlockWork { worker.work(samples: samples) }
    public func steps(_ size: BlockSize) -> [WorkStep] { worker.steps(size) }
    public func optimiserBytes(_ size: BlockSize) -> Int { worker.optimiserBytes(size) }

    /// Of whole units only the sum is promised, here for a linear.
    public var group: ComparisonGroup {
        switch self {
        case .masks(let pruner): pruner.group
        case .units: .matrix
        }
    }
}
