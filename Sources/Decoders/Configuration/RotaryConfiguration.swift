/// How positions turn into angles.
public struct RotaryConfiguration: Hashable, Sendable {
    public enum Scaling: Hashable, Sendable {
        case none
        /// Positions divided by the factor.
        case linear(factor: Double)
        /// Llama 3.1's: low frequencies divided by the factor, high ones kept, a ramp between.
        case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalContext: Double)
        /// Frequencies blended by their place between two numbers of rotations; angles scaled by `attention`.
        case yarn(Yarn)
    }
    public var theta: Double
    public var scaling: Scaling

    public init(theta: Double, scaling: Scaling) {
        self.theta = theta
        self.scaling = scaling
    }
}

/// YaRN (Peng et al., 2023), its parameters as transformers names them.
public struct Yarn: Hashable, Sendable {
    public var factor: Double
    /// Rotations over the original context beyond which a frequency is kept.
    public var fastRotations: Double
    /// Rotations below which it is divided by the factor.
    public var slowRotations: Double
    public var originalContext: Double
    /// What cosine and sine are multiplied by.
    public var attention: Double
    /// Whether the ends of the ramp are rounded outwards to whole dimensions.
    public var truncates: Bool
}
