import Randomness

/// Watches a series for a lasting change in one direction; the chance of ever raising a false alarm is known.
///
/// While nothing changes the values are exchangeable: any order of them is as likely. The rank of each value among
/// those up to it, ties broken at random, then gives p-values that are independent and uniform whatever the
/// distribution (conformal p-values: Vovk, Nouretdinov and Gammerman 2003, "Testing Exchangeability On-Line"). A
/// gambler who starts with 1 and bets on each p-value at fair odds owns a martingale, and by Ville's inequality the
/// chance that the fortune ever reaches c is at most 1/c, over the whole series, however long. A large fortune is
/// evidence of a change.
///
/// The bets. For each possible beginning j of a change a share w_j = 1/((j−m)(j−m+1)) of the fortune is laid aside,
/// where m values come before the first; the shares sum to 1. Were the values from j on all beyond those before, the
/// k-th of them would have a p-value below h = k/(j−1+k). With confidence a the share bets on that: it multiplies by
///
///     1 + a(1−h)/h   for p ≤ h,      1.5·(1−a)   up to the middle of the rest,      0.5·(1−a)   beyond,
///
/// whose mean over uniform p is 1. Three confidences, 0.9, 0.5 and 0.2, have a third of the share each: for changes far
/// beyond the noise, and for those within it.
public struct DriftMonitor: Sendable {
    public enum Direction: String, Sendable, CaseIterable {
        case rise
        case fall
    }

    /// Values before the first possible change: fewer tell nothing by their ranks.
    public static let leastBaseline = 8
    static let confidences = [0.9, 0.5, 0.2]
    /// A share with less than this counts as lost. Money that is given away can only delay an alarm: the bound on false
    /// ones stands.
    static let leastFortune = 1e-290

    public let direction: Direction
    private let seed: UInt64
    /// Larger is further in the direction.
    private var values = RankedValues()
    /// Beginnings so far.
    private var beginnings = 0
    /// Those whose share is not lost, in their order: a quiet series has few, however long it is.
    private var starts: [Int] = []
    /// [starts · confidences], each from 1: a row for each of them.
    private var fortunes: [Double] = []
    /// The fortune now: the evidence for a change.
    public private(set) var evidence = 1.0
    /// The largest fortune there was, which Ville's inequality speaks of.
    public private(set) var largestEvidence = 1.0

    /// - Parameter seed: of the random order of equal values; it must not be chosen after looking at them.
    public init(_ direction: Direction, seed: UInt64) {
        self.direction = direction
        self.seed = seed
    }

    public var count: Int { values.count }

    /// The number, from 1, of the value with which the change most likely began, while there is more evidence for a
    /// change than against it.
    public var onset: Int? {
        guard evidence > 1 else { return nil }
        let width = DriftMonitor.confidences.count
        let shares = starts.indices.map { row in
            DriftMonitor.weight(starts[row]) * fortunes[row * width..<(row + 1) * width].reduce(0, +)
        }
        return shares.indices.max { shares[$0] < shares[$1] }.map { starts[$0] + DriftMonitor.leastBaseline + 1 }
    }

    /// Adds the next value. What is not a number is the worst there can be: it counts as infinitely large.
    public mutating func add(_ value: Double) {
        let value = value.isNaN ? Double.infinity : value
        let signed = direction == .rise ? value : -value
        values.insert(signed)
        let (beyond, equal) = values.counts(at: signed)
        var generator = SplitMix64(seed: seed &+ UInt64(values.count) &* 0xD134_2543_DE82_EF95)
        let uniform = (Double(generator.next() >> 11) + 0.5) * 0x1p-53
        bet((Double(beyond) + uniform * Double(equal)) / Double(values.count))
    }

    private mutating func bet(_ p: Double) {
        let count = values.count
        guard count > DriftMonitor.leastBaseline else { return }
        let confidences = DriftMonitor.confidences
        fortunes += [Double](repeating: 1, count: confidences.count)
        starts.append(beginnings)
        beginnings += 1
        // What is laid aside for beginnings still to come.
        var sum = 1 / Double(beginnings + 1)
        var kept = 0
        for row in starts.indices {
            let start = starts[row]
            let h = Double(beginnings - start) / Double(count)
            var total = 0.0
            for index in 0..<confidences.count {
                // Below the largest number, so that the sum stays a number.
                let fortune = min(
                    fortunes[row * confidences.count + index] * DriftMonitor.odds(p, h, confidences[index]), 1e300)
                fortunes[kept * confidences.count + index] = fortune
                total += fortune
            }
            sum += DriftMonitor.weight(start) * total / Double(confidences.count)
            guard total >= DriftMonitor.leastFortune else { continue }
            starts[kept] = start
            kept += 1
        }
        fortunes.removeLast((starts.count - kept) * confidences.count)
        starts.removeLast(starts.count - kept)
        evidence = sum
        largestEvidence = max(largestEvidence, sum)
    }

    /// What a bet multiplies by.
    static func odds(_ p: Double, _ h: Double, _ a: Double) -> Double {
        if p <= h { return 1 + a * (1 - h) / h }
        return (p <= (1 + h) / 2 ? 1.5 : 0.5) * (1 - a)
    }

    /// The share of the beginning with this index.
    static func weight(_ start: Int) -> Double { 1 / Double((start + 1) * (start + 2)) }
}
