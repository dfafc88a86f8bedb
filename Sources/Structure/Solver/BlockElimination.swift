import Torch

/// Removes sets of input columns from a matrix, one after the other, and lets the columns that stay make up for them:
/// the optimal brain surgeon for a unit P of several columns, in float64.
///
///     e(P) = tr (W_P C_PP⁻¹ W_Pᵀ)      W ← W − W_P C_PP⁻¹ C_P:      C ← C − C_:P C_PP⁻¹ C_P:
///
/// with C = H⁻¹. After any number of removals W is the least-squares matrix on the columns that stay, and the costs sum
/// to tr (ΔW H ΔWᵀ).
struct BlockElimination {
    /// [out, left] float64
    private(set) var weight: Tensor
    /// [left, left] float64
    private var inverse: Tensor
    /// W_dense H, [out, left] float64, with the gradient term.
    private var gradient: Tensor?
    /// The dense model's numbers of the columns that are left, ascending.
    private(set) var columns: [Int]
    /// The sum of the costs so far.
    private(set) var error = 0.0

    /// - Parameter weight: [out, in]; not changed.
    init(weight: Tensor, hessian: DampedHessian, usesGradient: Bool = false) {
        self.weight = weight.to(.float64)
        gradient = usesGradient ? self.weight.matmul(hessian.hessian) : nil
        inverse = hessian.inverse
        columns = Array(0..<weight.size(1))
    }

    /// e(P) for a unit of columns that are left; with the gradient term |Σ G_P W_P| + e(P) / 2 (Týr-the-Pruner, eq. 4).
    func cost(of unit: [Int]) -> Double {
        let part = parts(of: unit)
        let cost = (part.weight.matmul(part.inverse) * part.weight).sum().scalar
        guard let gradient else { return cost }
        let slope = (gradient.selected(part.index, dimension: 1) * part.weight).sum().scalar
        return abs(slope) + cost / 2
    }

    mutating func remove(_ unit: [Int]) {
        let part = parts(of: unit)
        let step = part.weight.matmul(part.inverse)
        error += (step * part.weight).sum().scalar
        let gone = Set(unit)
        let left = columns.indices.filter { !gone.contains(columns[$0]) }
        let index = Tensor(left.map(Int64.init), device: weight.device)
        let rows = part.rows.selected(index, dimension: 1)
        // New tensors: copies of this value share the old ones.
        weight = weight.selected(index, dimension: 1) - step.matmul(rows)
        inverse =
            inverse.selected(index).selected(index, dimension: 1)
            - rows.transposed(0, 1).matmul(part.inverse.matmul(rows))
        gradient = gradient?.selected(index, dimension: 1)
        columns = left.map { columns[$0] }
    }

    /// W_P, C_PP⁻¹, C_P: and where P is
    private func parts(of unit: [Int]) -> (weight: Tensor, inverse: Tensor, rows: Tensor, index: Tensor) {
        let wanted = Set(unit)
        let index = Tensor(
            columns.indices.filter { wanted.contains(columns[$0]) }.map(Int64.init), device: weight.device)
        let rows = inverse.selected(index)
        let square = rows.selected(index, dimension: 1)
        // A principal part of a positive definite matrix is one; rounding may say otherwise when nothing is left of it.
        let inner =
            square.cholesky()?.choleskyInverse()
            ?? Tensor.full(square.shape, .infinity, .float64, device: square.device)
        return (weight.selected(index, dimension: 1), inner, rows, index)
    }
}
