#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Standard errors by drawing from the sample itself, with lm-evaluation-harness' generator and seeds.
enum Bootstrap {
    /// Draws of the whole sample: 100 times 1000.
    static let seeds: UInt32 = 100
    static let drawsPerSeed = 1000

    /// The standard error of exp(−mean); nil for a single value.
    static func perplexityError(_ values: [Double]) -> Double? {
        guard values.count > 1, values.allSatisfy(\.isFinite) else { return nil }
        let count = Double(values.count)
        var results: [Double] = []
        results.reserveCapacity(Int(seeds) * drawsPerSeed)
        values.withUnsafeBufferPointer { values in
            for seed in 0..<seeds {
                var random = PythonRandom(seed: seed)
                for _ in 0..<drawsPerSeed {
                    var sum = 0.0
                    for _ in 0..<values.count { sum += values[Int(random.unit() * count)] }
                    results.append(exp(-(sum / count)))
                }
            }
        }
        return Statistics.deviation(results)
    }
}
