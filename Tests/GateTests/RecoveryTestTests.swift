import Testing

@testable import Gate

/// The statistics of a recovery.
struct RecoveryTestTests {
    @Test("quantiles of the normal distribution")
    func quantiles() {
        #expect(abs(NormalDistribution.quantile(0.95) - 1.6448536269514722) < 1e-12)
        #expect(abs(NormalDistribution.quantile(0.975) - 1.959963984540054) < 1e-12)
        #expect(NormalDistribution.quantile(0.5) == 0)
    }

    @Test("the bound is the largest share that holds")
    func bound() {
        for (accuracy, error) in [(0.5, 0.01), (0.45, 0.03), (0.02, 0.02)] {
            let test = RecoveryTest(
                accuracy: accuracy, denseAccuracy: 0.52, standardError: error, denseStandardError: 0.012,
                confidence: 0.95)
            let bound = test.lowerBound
            #expect(bound < test.recovery)
            #expect(test.holds(bound - 1e-9) && !test.holds(bound + 1e-9))
        }
    }

    @Test("without errors the bound is the recovery itself")
    func exact() {
        let test = RecoveryTest(
            accuracy: 0.475, denseAccuracy: 0.5, standardError: 0, denseStandardError: 0, confidence: 0.5)
        #expect(test.lowerBound == test.recovery && test.holds(0.95) && !test.holds(0.9501))
    }

    @Test("a worse model passes no more often than one minus the confidence")
    func falsePasses() {
        // True accuracies at the border of the rule, 0.95 of 0.6; binomial draws of 400 items each.
        var state: UInt64 = 1
        func draw(_ p: Double) -> Double {
            var hits = 0
            for _ in 0..<400 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                if Double(state >> 11) * 0x1p-53 < p { hits += 1 }
            }
            return Double(hits) / 400
        }
        var passes = 0
        for _ in 0..<1000 {
            let (a, d) = (draw(0.57), draw(0.6))
            let test = RecoveryTest(
                accuracy: a, denseAccuracy: d, standardError: (a * (1 - a) / 399).squareRoot(),
                denseStandardError: (d * (1 - d) / 399).squareRoot(), confidence: 0.95)
            if test.holds(0.95) { passes += 1 }
        }
        // 50 expected; five standard deviations above.
        #expect(passes <= 85, "\(passes) of 1000")
        #expect(passes >= 15, "\(passes) of 1000")
    }
}
