import Torch

/// The importance of each weight, [out, in].
public enum Scores {
    /// |W|
    public static func magnitude(_ weight: Tensor) -> Tensor { weight.magnitude() }

    /// |W_ij| · ‖X_j‖₂ (Wanda, arXiv 2306.11695, eq. 1) for squares [in] = Σ x_j² over samples and tokens.
    public static func wanda(_ weight: Tensor, squares: Tensor) -> Tensor { weight.magnitude() * squares.squareRoot() }

    /// (α·G_ij + ‖X_j‖₂) · |W_ij| (WANDA++, arXiv 2503.04992, eq. 3) with the regional gradient G [out, in].
    public static func regional(_ weight: Tensor, squares: Tensor, gradient: Tensor, alpha: Double) -> Tensor {
        weight.magnitude() * (gradient * alpha + squares.squareRoot())
    }
}
