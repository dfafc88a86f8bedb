import Torch

/// What an optimizer moves: a master in float32 with its moments, and the leaf that forward passes use.
final class TrainedParameter {
    /// Float32.
    let master: Tensor
    /// Running means of the gradient and of its square, float32.
    private(set) lazy var first = Tensor.zeros(master.shape, device: master.device)
    private(set) lazy var second = Tensor.zeros(master.shape, device: master.device)
    /// The leaf of back-propagation: the master itself, or a copy in a shorter number type.
    let working: Tensor
    /// Whether a value that is zero stays zero: one that was pruned.
    let keepsZeros: Bool
    /// The gradient of a step's passes so far; nil where the leaf sums it up itself.
    private var sum: Tensor?

    /// - Parameter values: float32; they are taken over.
    init(_ values: Tensor, dtype: DType, keepsZeros: Bool) {
        master = values
        working = dtype == .float32 ? master : values.to(dtype)
        self.keepsZeros = keepsZeros
        working.requireGradient()
    }

    /// One whose leaf nobody passes through.
    ///
    /// - Parameters: float32; they are taken over.
    init(_ values: Tensor, first: Tensor, second: Tensor, keepsZeros: Bool) {
        (master, working, self.keepsZeros) = (values, values, keepsZeros)
        (self.first, self.second) = (first, second)
    }

    /// Σ g² over what can move.
    func squareSum(of gradient: Tensor) -> Double { gradient.squareSum(where: keepsZeros ? master : nil) }

    private var isShort: Bool { working.dtype != .float32 }

    /// Adds a gradient that was made elsewhere, float32, to some rows.
    func add(_ gradient: Tensor, scale: Double, at row: Int) {
        let sum = sum ?? Tensor.zeros(master.shape, device: master.device)
        sum.narrowed(0, row, gradient.size(0)).add(gradient, scale: scale)
        self.sum = sum
    }

    /// Adds what a pass left at a leaf of a shorter number type, where many small gradients would be lost.
    func collect(isOnly: Bool) {
        guard isShort, !isOnly else { return }
        let gradient = working.takeGradient()
        if let sum { sum.add(gradient.to(.float32)) } else { sum = gradient.to(.float32) }
    }

    /// The gradient of all passes of a step, which is then no longer held here.
    func takeGradient() -> Tensor {
        defer { sum = nil }
        return sum ?? working.takeGradient()
    }

    /// Has the leaf follow a master that was changed from outside.
    func refresh() { if isShort { Engine.withoutGradient { working.copy(from: master) } } }
}
