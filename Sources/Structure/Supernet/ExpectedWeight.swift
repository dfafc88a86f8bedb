import Torch

/// Expectation error accumulation (Týr-the-Pruner, eq. 5): what is passed on to the next sub-layer is the mean of what
/// all candidates make, weighted by 1 − S_e. Outputs are linear in the output matrix, so that the mean of the outputs
/// is the output of the mean matrix
///
///     W̄ = Σ_e (1 − S_e) Ŵ_e / Σ_e (1 − S_e)
///
/// with Ŵ_e at full width and S_e the candidate's own share of removed columns.
public enum ExpectedWeight {
    /// - Parameters:
    ///   - candidates: of one sub-layer.
    ///   - width: columns of the dense matrix.
    /// - Returns: [hidden, width] float32
    public static func of(_ candidates: [Candidate], width: Int, headDimension: Int) -> Tensor? {
        guard let first = candidates.first, width > 0 else { return nil }
        let mean = Tensor.zeros([first.weight.size(0), width], device: first.weight.device)
        var total = 0.0
        for candidate in candidates {
            let share = Double(candidate.weight.size(1)) / Double(width)
            guard share > 0 else { continue }
            mean.add(candidate.widened(to: width, headDimension: headDimension), scale: share)
            total += share
        }
        if total > 0 { mean.multiply(by: 1 / total) }
        return mean
    }
}
