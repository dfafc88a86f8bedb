import Torch

/// AdamW as `torch.optim.AdamW` (Loshchilov & Hutter, 2019, algorithm 2), after clipping by the norm over everything
/// that is trained.
public struct AdamW: Equatable, Sendable {
    public var beta1 = 0.9
    public var beta2 = 0.95
    public var epsilon = 1e-8
    /// Decoupled decay of the weights; norms and biases have none.
    public var decay = 0.0
    /// The norm beyond which a step's gradient is scaled down; nil does not.
    public var clip: Double? = 1

    public init() {}

    /// What a gradient of this norm is multiplied by.
    func factor(norm: Double) -> Double { clip.map { norm > $0 ? $0 / (norm + 1e-6) : 1 } ?? 1 }

    /// Moves one parameter.
    ///
    /// - Parameters:
    ///   - factor: what its gradient is multiplied by.
    ///   - rate: of this step.
    ///   - step: 1-based.
    func move(_ parameter: TrainedParameter, gradient: Tensor, factor: Double, rate: Double, step: Int) {
        parameter.master.adamWStep(
            gradient: gradient, first: parameter.first, second: parameter.second,
            working: parameter.working.dtype == .float32 ? nil : parameter.working, factor: factor, rate: rate,
            decay: parameter.master.rank > 1 ? decay : 0, beta1: beta1, beta2: beta2, epsilon: epsilon, step: step,
            keepsZeros: parameter.keepsZeros)
    }
}
