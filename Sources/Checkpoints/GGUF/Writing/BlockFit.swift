/// Scales and minima of a block for which the weighted squared error is small.
///
/// With x the numbers of a block, w ≥ 0 how much each counts, and q small integers, the fits look for
///
///     min Σ w·(d·q − x)²       or       min Σ w·(d·q + m − x)²
///
/// over d, m and q. For given q the best d and m are those of linear regression; for given d and m the best q are the
/// nearest. The fits start from several divisions of the block's range and go from one to the other until q stays.
struct BlockFit {
    let x: UnsafePointer<Float>
    let w: UnsafePointer<Float>
    let count: Int

    /// How far a first division may stretch or shrink the range, as steps of q.
    private static let stretches: (first: Float, step: Float, count: Int) = (-0.9, 0.3, 7)

    /// One over a scale; zero for one so small that it overflows.
    @inline(__always)
    static func inverse(_ scale: Float) -> Float {
        let inverse = 1 / scale
        return inverse.isFinite ? inverse : 0
    }

    /// The whole number that is nearest, of two the even one, within a range of small ones.
    @inline(__always)
    static func nearest(_ value: Float, _ lowest: Float, _ highest: Float) -> Float {
        let within = min(max(value, lowest), highest)
        // Adding this number leaves no room for a fraction.
        let noFraction: Float = 12_582_912
        return (within + noFraction) - noFraction
    }

    /// d for q in −half..<half.
    @inline(__always)
    func symmetric(half: Float) -> Float {
        var extreme: Float = 0
        for index in 0..<count where abs(x[index]) > abs(extreme) { extreme = x[index] }
        guard extreme != 0 else { return 0 }
        var (best, bestGain): (Float, Float) = (extreme / -half, -1)
        for number in 0..<BlockFit.stretches.count {
            let stretch = BlockFit.stretches.first + Float(number) * BlockFit.stretches.step
            var inverse = -(half + stretch) / extreme
            guard inverse.isFinite else { return best }
            for _ in 0..<3 {
                var (products, squares): (Float, Float) = (0, 0)
                for index in 0..<count {
                    let q = BlockFit.nearest(x[index] * inverse, -half, half - 1)
                    let wq = w[index] * q
                    products += wq * x[index]
                    squares += wq * q
                }
                guard squares > 0 else { break }
                // Σ w·x² less the error, for the best d.
                let gain = products * products / squares
                guard gain > bestGain else { break }
                (best, bestGain) = (products / squares, gain)
                inverse = BlockFit.inverse(best)
            }
        }
        return best
    }

    /// d ≥ 0 and m for q in 0...levels.
    ///
    /// - Parameter isBelowZero: whether m must not be above zero.
    @inline(__always)
    func affine(levels: Float, isBelowZero: Bool) -> (d: Float, m: Float) {
        var (low, high) = (isBelowZero ? min(x[0], 0) : x[0], x[0])
        var (weight, first, second): (Float, Float, Float) = (0, 0, 0)
        for index in 0..<count {
            low = min(low, x[index])
            high = max(high, x[index])
            let wx = w[index] * x[index]
            weight += w[index]
            first += wx
            second += wx * x[index]
        }
        let range = high - low
        guard range > 0 else { return (0, low) }
        var (best, bestError) = ((d: range / levels, m: low), Float.infinity)
        for number in 0..<BlockFit.stretches.count {
            let stretch = BlockFit.stretches.first + Float(number) * BlockFit.stretches.step
            var (inverse, minimum) = ((levels + stretch) / range, low)
            guard inverse.isFinite else { return best }
            for _ in 0..<3 {
                var (sum, squares, products): (Float, Float, Float) = (0, 0, 0)
                for index in 0..<count {
                    let q = BlockFit.nearest((x[index] - minimum) * inverse, 0, levels)
                    let wq = w[index] * q
                    sum += wq
                    squares += wq * q
                    products += wq * x[index]
                }
                let determinant = weight * squares - sum * sum
                guard determinant > 0 else { break }
                var d = (weight * products - sum * first) / determinant
                var m = (squares * first - sum * products) / determinant
                if isBelowZero, m > 0 { (d, m) = (products / squares, 0) }
                guard d > 0, m.isFinite else { break }
                let explained = 2 * (d * products + m * first) - d * d * squares - 2 * d * m * sum - m * m * weight
                let error = second - explained
                guard error < bestError else { break }
                (best, bestError) = ((d, m), error)
                (inverse, minimum) = (BlockFit.inverse(d), m)
            }
        }
        return best
    }

    /// Σ w·(d·q + m − x)² for the nearest q.
    @inline(__always)
    func error(d: Float, m: Float, _ lowest: Float, _ highest: Float) -> Float {
        let inverse = BlockFit.inverse(d)
        var sum: Float = 0
        for index in 0..<count {
            let q = BlockFit.nearest((x[index] - m) * inverse, lowest, highest)
            let difference = d * q + m - x[index]
            sum += w[index] * difference * difference
        }
        return sum
    }
}
