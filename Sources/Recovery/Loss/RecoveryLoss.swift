import Recipes

/// What recovery makes small: how much each of two losses counts, both in nats a position.
public struct RecoveryLoss: Equatable, Sendable {
    /// Of KL(teacher ‖ student) on whole predictions.
    public var kl: Double
    /// Of −log p(next token).
    public var lm: Double

    public init(kl: Double, lm: Double) { (self.kl, self.lm) = (kl, lm) }

    /// What the two give together.
    public func value(_ measured: RecoveryLoss) -> Double { kl * measured.kl + lm * measured.lm }
    public var needsTeacher: Bool { kl != 0 }

    /// The weights that a choice gives the two.
    public init(_ choice: LossChoice) {
        self.init(kl: choice == .lm ? 0 : 1, lm: choice == .kl ? 0 : 1)
    }
}
