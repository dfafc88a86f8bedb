/// Gauss and Jordan, for a positive definite matrix.
public func inverse(ofPositiveDefinite matrix: [[Double]]) -> [[Double]] {
    let n = matrix.count
    var a = matrix
    var b = (0..<n).map { row in (0..<n).map { $0 == row ? 1.0 : 0.0 } }
    for i in 0..<n {
        let pivot = a[i][i]
        for j in 0..<n {
            a[i][j] /= pivot
            b[i][j] /= pivot
        }
        for k in 0..<n where k != i {
            let factor = a[k][i]
            guard factor != 0 else { continue }
            for j in 0..<n {
                a[k][j] -= factor * a[i][j]
                b[k][j] -= factor * b[i][j]
            }
        }
    }
    return b
}
