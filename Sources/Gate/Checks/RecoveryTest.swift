#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Whether a task's accuracy is at least a share of the dense model's, beyond what chance explains.
///
/// With a and a₀ the accuracies of the pruned and the dense model above guessing, s and s₀ their standard errors, and x
/// the share asked for: "a < x·a₀" is refused at the confidence c when
///
///     a − x·a₀ ≥ z_c · √(s² + x²·s₀²),   z_c the c quantile of the normal distribution,
///
/// which is to say when the lower end of Fieller's one-sided interval for a / a₀ is at least x (Fieller 1954, "Some
/// Problems in Interval Estimation"). Both models answer the same items, so their errors go together and the true
/// standard error is smaller: the test errs towards failing.
struct RecoveryTest: Equatable {
    /// Of the pruned and of the dense model, above guessing.
    var accuracy: Double
    var denseAccuracy: Double
    var standardError: Double
    var denseStandardError: Double
    var confidence: Double

    var recovery: Double { accuracy / denseAccuracy }

    /// Whether the dense model itself is better than guessing; a share of nothing says nothing.
    var hasSignal: Bool { denseAccuracy > 0 && denseAccuracy > quantile * denseStandardError }

    func holds(_ share: Double) -> Bool {
        let error = (standardError * standardError + share * share * denseStandardError * denseStandardError)
            .squareRoot()
        return accuracy - share * denseAccuracy >= quantile * error
    }

    /// The largest share that holds, where `hasSignal`.
    var lowerBound: Double {
        let (z, a, d) = (quantile, accuracy, denseAccuracy)
        let (s, t) = (z * standardError, z * denseStandardError)
        let root = max(0, a * a * d * d - (d * d - t * t) * (a * a - s * s)).squareRoot()
        return (a * d - root) / (d * d - t * t)
    }

    private var quantile: Double { NormalDistribution.quantile(confidence) }

    /// The standard error of an accuracy of 0 or 1, whose own estimate is 0: Agresti and Coull's, with two successes
    /// and two failures added.
    static func standardErrorAtTheEdge(accuracy: Double, count: Int) -> Double {
        let n = Double(count) + 4
        let p = (accuracy * Double(count) + 2) / n
        return (p * (1 - p) / n).squareRoot()
    }
}

enum NormalDistribution {
    /// The value below which a standard normal variable stays with the given probability, in (0, 1).
    static func quantile(_ probability: Double) -> Double {
        if probability == 0.5 { return 0 }
        var (low, high) = (-40.0, 40.0)
        // Halving 80 down to the last bit.
        for _ in 0..<70 {
            let middle = (low + high) / 2
            if erfc(-middle / 2.0.squareRoot()) / 2 < probability { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}
