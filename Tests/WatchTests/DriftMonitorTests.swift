import Randomness
import Testing

@testable import Watch

/// The bets.
struct DriftMonitorTests {
    @Test("every bet is fair: its mean over uniform p-values is 1")
    func fair() {
        for h in [0.01, 0.2, 0.5, 0.9, 1.0] {
            for a in DriftMonitor.confidences {
                let steps = 100_000
                let mean =
                    (0..<steps).reduce(0.0) { sum, step in
                        sum + DriftMonitor.odds((Double(step) + 0.5) / Double(steps), h, a)
                    } / Double(steps)
                #expect(abs(mean - 1) < 1e-3, "h \(h), a \(a): \(mean)")
            }
        }
    }

    @Test("the shares of all beginnings sum to 1")
    func shares() {
        let sum = (0..<10_000).reduce(0.0) { $0 + DriftMonitor.weight($1) }
        #expect(abs(sum + 1.0 / 10_001 - 1) < 1e-12)
    }

    @Test("nothing is bet before there is a baseline")
    func baseline() {
        var monitor = DriftMonitor(.rise, seed: 1)
        for value in 0..<DriftMonitor.leastBaseline { monitor.add(Double(value)) }
        #expect(monitor.evidence == 1 && monitor.largestEvidence == 1 && monitor.onset == nil)
    }

    @Test("a rise is no fall")
    func direction() {
        var (rise, fall) = (DriftMonitor(.rise, seed: 1), DriftMonitor(.fall, seed: 1))
        for index in 0..<60 {
            let value = index < 40 ? Double(index % 5) : 100
            rise.add(value)
            fall.add(value)
        }
        #expect(rise.largestEvidence > 1e6 && fall.largestEvidence < 10)
        #expect(rise.onset == 41)
    }

    @Test("evidence of a long drift stays a number")
    func overflow() {
        var monitor = DriftMonitor(.rise, seed: 1)
        for index in 0..<600 { monitor.add(index < 300 ? Double(index % 7) : 1000) }
        #expect(monitor.evidence.isFinite && monitor.largestEvidence > 1e100)
    }
}
