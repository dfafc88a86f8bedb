import Torch

/// Removes single input columns from a matrix, the cheapest first, and lets the columns that stay make up for them: the
/// optimal brain surgeon with P of one column.
///
///     e(p) = ‖W_:p‖² / C_pp      W ← W − a uᵀ      C ← C − u uᵀ      u = C_p: / √C_pp, a = W_:p / √C_pp
///
/// With the gradient term the cheapest is the one of the smallest |G_:pᵀ W_:p| + e(p) / 2, G = W_dense H, as
/// Týr-the-Pruner's eq. 4 has it; what stays makes up for it in the same way.
///
/// W and C are brought up to date once in `delay` removals, by matrix products; in between, the pending u and a are
/// applied to the one row and column that a removal looks at. The costs are kept up to date all the time:
/// C_jj loses u_j² and ‖W_:j‖² changes by −2 u_j (aᵀ W)_j + u_j² ‖a‖². Since every removal is exact, the matrices on
/// the way are those of every width at once.
final class NeuronElimination {
    private static let delay = 64

    /// [out, n] and [n, n] float32, as of the last update; n counts the columns that were left then.
    private var weight: Tensor
    private var inverse: Tensor
    /// The dense model's numbers of these n columns, ascending, and which of them are still there.
    private var columns: [Int]
    private var isLeft: [Bool]
    /// W_dense H, [out, n], and G_:jᵀ W_:j, up to date, [n], with the gradient term.
    private var gradient: Tensor?
    private var slopes: Tensor?
    /// C_jj and ‖W_:j‖², up to date, [n].
    private var diagonal: Tensor
    private var norms: Tensor
    /// The pending u, [delay, n], and a, [out, delay].
    private var rows: Tensor
    private var steps: Tensor
    private var pending = 0
    /// Columns that are left.
    private(set) var count: Int
    /// The sum of the costs so far.
    private(set) var error = 0.0

    /// - Parameter weight: [out, in] float32; not changed.
    init(weight: Tensor, hessian: DampedHessian, usesGradient: Bool = false) {
        let width = weight.size(1)
        self.weight = weight.clone()
        inverse = hessian.inverse.to(.float32)
        gradient = usesGradient ? weight.matmul(hessian.hessian.to(.float32)) : nil
        columns = Array(0..<width)
        isLeft = Array(repeating: true, count: width)
        count = width
        (diagonal, norms) = (Tensor.zeros([0]), Tensor.zeros([0]))
        rows = Tensor.zeros([NeuronElimination.delay, width], device: weight.device)
        steps = Tensor.zeros([weight.size(0), NeuronElimination.delay], device: weight.device)
        refresh()
    }

    /// Removes columns until `count` are left.
    ///
    /// - Returns: the columns that are left, ascending, and their weights [out, count].
    func reduce(to count: Int) -> (columns: [Int], weight: Tensor) {
        while self.count > count { removeCheapest() }
        update()
        return (columns, weight.clone())
    }

    private func removeCheapest() {
        let costs = norms / diagonal
        let scores = (slopes.map { costs * 0.5 + $0.magnitude() } ?? costs).floats()
        var best = -1
        for index in scores.indices where isLeft[index] {
            if best < 0 || scores[index] < scores[best] { best = index }
        }
        guard best >= 0 else { return }
        error += max(0, costs.narrowed(0, best, 1).scalar)
        isLeft[best] = false
        count -= 1

        // The row of C and the column of W as they are now.
        let row = inverse.narrowed(0, best, 1).clone()
        let column = weight.narrowed(1, best, 1).clone()
        let past = rows.narrowed(0, 0, pending)
        let pastSteps = steps.narrowed(1, 0, pending)
        if pending > 0 {
            let share = past.narrowed(1, best, 1)
            row.addMatmul(share.transposed(0, 1), past, alpha: -1)
            column.addMatmul(pastSteps, share, alpha: -1)
        }
        let scale = 1 / max(row.narrowed(1, best, 1).scalar, 1e-30).squareRoot()
        row.multiply(by: scale)
        column.multiply(by: scale)
        let across = column.transposed(0, 1)
        let back = across.matmul(weight)
        if pending > 0 { back.addMatmul(across.matmul(pastSteps), past, alpha: -1) }
        let (u, length) = (row.reshaped([columns.count]), (column * column).sum().scalar)
        norms.addProduct(u, back.reshaped([columns.count]), scale: -2)
        if let gradient, let slopes {
            slopes.addProduct(u, across.matmul(gradient).reshaped([columns.count]), scale: -1)
        }
        let squared = u * u
        norms.add(squared, scale: length)
        diagonal.add(squared, scale: -1)
        rows.narrowed(0, pending, 1).copy(from: row)
        steps.narrowed(1, pending, 1).copy(from: column)
        pending += 1
        if pending == NeuronElimination.delay { update() }
    }

    /// Applies what is pending and drops the columns that are gone.
    private func update() {
        guard pending > 0 else { return }
        let past = rows.narrowed(0, 0, pending)
        weight.addMatmul(steps.narrowed(1, 0, pending), past, alpha: -1)
        inverse.addMatmul(past.transposed(0, 1), past, alpha: -1)
        pending = 0
        let left = columns.indices.filter { isLeft[$0] }
        let index = Tensor(left.map(Int64.init), device: weight.device)
        weight = weight.selected(index, dimension: 1)
        inverse = inverse.selected(index).selected(index, dimension: 1)
        gradient = gradient?.selected(index, dimension: 1)
        rows = Tensor.zeros([NeuronElimination.delay, left.count], device: weight.device)
        columns = left.map { columns[$0] }
        isLeft = Array(repeating: true, count: left.count)
        refresh()
    }

    private func refresh() {
        diagonal = inverse.diagonal().clone()
        norms = (weight * weight).sum(0)
        slopes = gradient.map { ($0 * weight).sum(0) }
    }
}
