import Randomness
import Testing

@testable import Watch

/// A long history costs little more than its reading, and the evidence is what the definition says.
struct LongSeriesTests {
    /// The definition as it stands in the paper's words: every beginning, every rank anew.
    private struct Definition {
        var values: [Double] = []
        var fortunes: [Double] = []
        var evidence = 1.0
        var largest = 1.0

        mutating func add(_ value: Double, seed: UInt64) {
            values.append(value)
            let (beyond, equal) = (values.count { $0 > value }, values.count { $0 == value })
            var generator = SplitMix64(seed: seed &+ UInt64(values.count) &* 0xD134_2543_DE82_EF95)
            let uniform = (Double(generator.next() >> 11) + 0.5) * 0x1p-53
            let p = (Double(beyond) + uniform * Double(equal)) / Double(values.count)
            guard values.count > DriftMonitor.leastBaseline else { return }
            let confidences = DriftMonitor.confidences
            fortunes += [Double](repeating: 1, count: confidences.count)
            let starts = fortunes.count / confidences.count
            var sum = 1 / Double(starts + 1)
            for start in 0..<starts {
                let h = Double(starts - start) / Double(values.count)
                var total = 0.0
                for index in 0..<confidences.count {
                    let place = start * confidences.count + index
                    fortunes[place] = min(fortunes[place] * DriftMonitor.odds(p, h, confidences[index]), 1e300)
                    total += fortunes[place]
                }
                sum += DriftMonitor.weight(start) * total / Double(confidences.count)
            }
            evidence = sum
            largest = max(largest, sum)
        }
    }

    @Test(arguments: [0, 1, 2])
    func theEvidenceIsThatOfTheDefinition(_ kind: Int) {
        var generator = SplitMix64(seed: UInt64(kind))
        var (monitor, definition) = (DriftMonitor(.rise, seed: 7), Definition())
        for index in 0..<1500 {
            var value = Double(generator.next() >> 11) * 0x1p-53
            // Equal values; a change in the middle, and one that goes back.
            if kind == 1 { value = (value * 4).rounded() }
            if kind == 2, (700..<900).contains(index) { value += 0.6 }
            monitor.add(value)
            definition.add(value, seed: 7)
            #expect(monitor.evidence == definition.evidence && monitor.largestEvidence == definition.largest)
        }
    }

    @Test func ranksAreThoseOfCounting() {
        var generator = SplitMix64(seed: 3)
        var (ranked, values) = (RankedValues(), [Double]())
        for _ in 0..<5000 {
            let value = Double(generator.next() % 2000)
            ranked.insert(value)
            values.append(value)
            guard values.count.isMultiple(of: 97) else { continue }
            let (larger, equal) = ranked.counts(at: value)
            #expect(larger == values.count { $0 > value } && equal == values.count { $0 == value })
        }
        #expect(ranked.count == 5000)
    }
}
