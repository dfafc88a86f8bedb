/// An axis from data to points.
struct Scale {
    let from: Double
    let to: Double
    let start: Double
    let end: Double

    /// - Parameter values: those that are no numbers are left out.
    init(_ values: [Double], margin: Double, start: Double, end: Double) {
        // Beyond this, sums and differences are no numbers any more.
        let finite = values.filter { abs($0) < 1e100 }
        let (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
        // Values that differ by less than an axis can show, or by a number so small that its parts vanish, are equal.
        let isFlat = high - low <= max(abs(low), abs(high)) * 1e-9 || high - low < 1e-200
        let span = isFlat ? max(abs(high), 1) * 0.1 : high - low
        let room = (isFlat ? max(margin, 0.05) : margin) * span
        (from, to) = (low - room, high + room)
        (self.start, self.end) = (start, end)
    }

    func point(_ value: Double) -> Double { start + (value - from) / (to - from) * (end - start) }

    /// The largest of 1, 2 and 5 times a power of ten that goes into the axis four times or more.
    private var step: Double {
        let raw = (to - from) / 4
        var power = 1.0
        while power > raw { power /= 10 }
        while power * 10 <= raw { power *= 10 }
        return power * (raw >= 5 * power ? 5 : raw >= 2 * power ? 2 : 1)
    }

    /// Round values within the axis.
    var ticks: [Double] {
        let step = step
        let first = (from / step).rounded(.up)
        return (0..<12).map { (first + Double($0)) * step }.filter { $0 <= to }
    }

    /// Decimals that tell two ticks apart.
    var digits: Int {
        var (rest, count) = (step, 0)
        while rest < 0.999, count < 6 {
            rest *= 10
            count += 1
        }
        return count
    }
}
