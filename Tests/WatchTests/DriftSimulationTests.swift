import Foundation
import Randomness
import Testing

@testable import Watch

/// Histories drawn at random: how often steady ones raise an alarm, and how soon a drift is found.
struct DriftSimulationTests {
    private struct Draws {
        var generator: SplitMix64

        init(_ seed: UInt64) { generator = SplitMix64(seed: seed) }

        /// In (0, 1)
        mutating func uniform() -> Double { (Double(generator.next() >> 11) + 0.5) * 0x1p-53 }
        mutating func normal() -> Double { (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform()) }
        /// Without a mean: far outliers are common.
        mutating func cauchy() -> Double { tan(.pi * (uniform() - 0.5)) }
    }

    private func interval(_ number: Int, kl: Double, loss: Double?) -> WatchInterval {
        WatchInterval(
            time: "\(number)", model: "m", reference: "r", dtype: "float32", positions: 1, kl: kl, topAgreement: 1,
            logged: loss.map { .init(prompts: 1, tokens: 1, meanLoss: $0) })
    }

    /// Steady histories of three kinds.
    private enum Kind: String, CaseIterable {
        /// Noise in both series.
        case noisy
        /// Always the same divergence, as of a model that nobody touches, and a wild traffic.
        case wild
        /// Two values only, and a loss in every third interval.
        case coarse
    }

    private func steady(_ kind: Kind, _ seed: UInt64, length: Int) -> [WatchInterval] {
        var draws = Draws(seed)
        return (0..<length).map { number in
            switch kind {
            case .noisy: return interval(number, kl: 0.3 + 0.01 * draws.normal(), loss: 3 + 0.1 * draws.normal())
            case .wild: return interval(number, kl: 0.3, loss: draws.cauchy())
            case .coarse:
                let value = draws.uniform() < 0.5 ? 0.3 : 0.31
                return interval(number, kl: value, loss: number.isMultiple(of: 3) ? value : nil)
            }
        }
    }

    private static let isSlow = ProcessInfo.processInfo.environment["ESPALIER_SLOW"] == "1"

    @Test("a thousand steady histories raise no more false alarms than alpha allows", arguments: Kind.allCases)
    private func falseAlarms(kind: Kind) {
        let alpha = DriftReport.defaultAlpha
        let length = DriftSimulationTests.isSlow ? 200 : 30
        let alarms = (UInt64(0)..<1000).count { DriftReport(steady(kind, $0, length: length), alpha: alpha).isAlarm }
        print("false alarms of 1000 steady histories, \(kind.rawValue), \(length) intervals, alpha \(alpha): \(alarms)")
        #expect(Double(alarms) <= 1000 * alpha)
    }

    @Test("the bound holds for one series at large alpha, where it is put to the test")
    func oneSeries() {
        var reached = 0
        for history in 0..<1000 {
            var draws = Draws(UInt64(history) + 7_000)
            var monitor = DriftMonitor(.rise, seed: draws.generator.next())
            for _ in 0..<40 { monitor.add(draws.normal()) }
            if monitor.largestEvidence >= 10 { reached += 1 }
        }
        print("series of 1000 whose evidence reached 10: \(reached)")
        // Ville: at most 100 expected.
        #expect(reached <= 100 && reached > 10)
    }

    @Test(
        "a drift is found, and told with the intervals that it took",
        arguments: [(3.0, 20, 8...11), (10.0, 8, 5...7)])
    func delay(shift: Double, most: Int, usual: ClosedRange<Int>) {
        var delays: [Int] = []
        for history in 0..<100 {
            var draws = Draws(UInt64(history) + 90_000)
            var intervals = (0..<30).map { interval($0, kl: 0.3 + 0.01 * draws.normal(), loss: nil) }
            #expect(!DriftReport(intervals).isAlarm)
            while !DriftReport(intervals).isAlarm, intervals.count < 30 + 2 * most {
                intervals.append(interval(intervals.count, kl: 0.3 + 0.01 * (shift + draws.normal()), loss: nil))
            }
            delays.append(intervals.count - 30)
        }
        delays.sort()
        print(
            "a shift of \(shift) standard deviations after 30 intervals: found after \(delays[50]) (median), "
                + "\(delays[95]) (95 of 100), \(delays[99]) (all)")
        #expect(usual.contains(delays[50]), "\(delays)")
        #expect(delays[95] <= most, "\(delays)")
    }

    @Test("the alarm says what changed, in which direction and since when")
    func reason() {
        let intervals = (0..<40).map { interval($0, kl: $0 < 30 ? 0.1 + Double($0 % 3) / 100 : 0.5, loss: nil) }
        let report = DriftReport(intervals)
        #expect(report.isAlarm && report.reasons.count == 1)
        let finding = report.findings.first { $0.evidence >= report.threshold }
        #expect(finding?.signal == .kl && finding?.direction == .rise && finding?.since == "30")
        #expect(finding?.last == 0.5 && finding?.usual == 0.11)
        #expect(report.reasons[0].contains("rose") && report.reasons[0].contains("since 30"))
        let fell = DriftReport((0..<40).map { interval($0, kl: $0 < 30 ? 0.3 : 0, loss: 1) })
        #expect(fell.reasons.count == 1 && fell.reasons[0].contains("is another model being served?"))
    }

    @Test("an alarm stands after the drift has gone")
    func alarmStands() {
        let intervals = (0..<90).map { interval($0, kl: (30..<50).contains($0) ? 0.5 : 0.1, loss: nil) }
        #expect(DriftReport(intervals).isAlarm)
    }

    @Test("predictions that are not numbers are an alarm at once")
    func notANumber() {
        let intervals = [interval(0, kl: 0.1, loss: 1), interval(1, kl: .nan, loss: 1)]
        let report = DriftReport(intervals)
        #expect(report.isAlarm && report.reasons == ["the model's predictions were NaN or infinite at 1"])
        #expect(DriftReport([interval(0, kl: 0.1, loss: .nan)]).isAlarm)
    }

    @Test("the same history says the same")
    func repeats() {
        var draws = Draws(3)
        let intervals = (0..<50).map { interval($0, kl: draws.normal(), loss: draws.normal()) }
        #expect(DriftReport(intervals) == DriftReport(intervals))
    }
}
