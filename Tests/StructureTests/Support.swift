import Randomness
import TestSupport
import Torch

@testable import Structure

/// A matrix and correlated inputs for it, with everything about them in float64.
struct Problem {
    let rows: Int
    let columns: Int
    let weight: Tensor
    let gram: Tensor

    init(rows: Int, columns: Int, seed: UInt64 = 1) {
        var generator = SplitMix64(seed: seed)
        func number() -> Double { Double(generator.next() >> 40) * 0x1p-23 - 1 }
        (self.rows, self.columns) = (rows, columns)
        weight = Tensor((0..<rows * columns).map { _ in Float(number()) }, shape: [rows, columns])
        var values: [Float] = []
        for _ in 0..<columns + 40 {
            var previous = 0.0
            for column in 0..<columns {
                previous = 0.6 * previous + number() * (column % 5 == 0 ? 3 : 1)
                values.append(Float(previous))
            }
        }
        gram = Tensor.zeros([columns, columns])
        gram.addGram(Tensor(values, shape: [columns + 40, columns]))
    }

    /// H with its damping, row by row.
    var hessian: [[Double]] {
        let values = gram.floats().map(Double.init)
        var h = (0..<columns).map { row in Array(values[row * columns..<(row + 1) * columns]) }
        let shift = 0.01 * (0..<columns).reduce(0) { $0 + h[$1][$1] } / Double(columns)
        for j in 0..<columns { h[j][j] += shift }
        return h
    }

    /// The least-squares weights on some columns, W_K = (W H)_:K H_KK⁻¹, and tr (ΔW H ΔWᵀ).
    func leastSquares(_ kept: [Int]) -> (weight: [Double], error: Double) {
        let h = hessian
        let w = weight.floats().map(Double.init)
        let inner = inverse(ofPositiveDefinite: kept.map { i in kept.map { h[i][$0] } })
        var found: [Double] = []
        var error = 0.0
        for row in 0..<rows {
            let dense = Array(w[row * columns..<(row + 1) * columns])
            let right = kept.map { j in (0..<columns).reduce(0) { $0 + dense[$1] * h[$1][j] } }
            let solved = kept.indices.map { j in kept.indices.reduce(0) { $0 + right[$1] * inner[$1][j] } }
            found += solved
            var delta = dense
            for (place, column) in kept.enumerated() { delta[column] -= solved[place] }
            for i in 0..<columns { for j in 0..<columns { error += delta[i] * h[i][j] * delta[j] } }
        }
        return (found, error)
    }
}

func relativeError(_ found: [Float], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let difference = zip(found, expected).reduce(0.0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
    return (difference / max(expected.reduce(0) { $0 + $1 * $1 }, 1e-300)).squareRoot()
}
