/// How weights are chosen, and what happens to those that stay.
public enum Method: String, OptionWord {
    /// The smallest |W| go.
    case magnitude
    /// The smallest |W|·‖X‖₂ go (Sun et al. 2023).
    case wanda
    /// Second-order choice and compensation, column block by column block (Frantar and Alistarh 2023).
    case sparsegpt
    /// Regional gradients in the score, then regional optimisation of every block (Yang et al. 2025).
    case wandaPlusPlus = "wanda++"
    /// Attention heads and neurons go, each layer as much as a search found that it can bear (Li et al. 2025).
    case tyr

    public static let noun = "method"

    /// Whether the method cannot work without calibration text.
    public var needsCalibration: Bool { self != .magnitude }
}
