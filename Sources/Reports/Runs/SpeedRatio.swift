/// How many times as fast the pruned model is as the dense one, with what the repeats of the measurement leave open.
public struct SpeedRatio: Equatable, Sendable {
    /// What may be said of it.
    public enum Standing: String, Sendable {
        case faster
        case slower
        /// The repeats of the two models overlap: it may be either.
        case withinNoise = "within noise"
        /// Fewer repeats than show any noise.
        case noiseUnknown = "noise unknown"
    }

    /// Of the medians.
    public var value: Double
    /// From the pruned model's worst repeat over the dense model's best, up to its best over the dense model's worst;
    /// nil where there were too few repeats, or the file does not say.
    public var range: ClosedRange<Double>?

    /// Below this many repeats the least and the most of them say nothing about noise.
    static let fewestRepeats = 3

    public var standing: Standing {
        guard let range else { return .noiseUnknown }
        return range.lowerBound > 1 ? .faster : range.upperBound < 1 ? .slower : .withinNoise
    }

    /// One quantity's repeats.
    struct Repeats {
        var least: Double
        var most: Double
    }

    /// - Parameters:
    ///   - pruned: of the pruned model.
    ///   - dense: of the dense one.
    ///   - isRate: whether more is faster, as of tokens per second; false for seconds.
    init(_ value: Double, pruned: Repeats?, dense: Repeats?, isRate: Bool) {
        self.value = value
        guard let pruned, let dense else { return }
        let ends =
            isRate
            ? (pruned.least / dense.most, pruned.most / dense.least)
            : (dense.least / pruned.most, dense.most / pruned.least)
        // What a file says may be in any order.
        guard ends.0.isFinite, ends.1.isFinite, ends.0 > 0, ends.0 <= ends.1, value >= ends.0, value <= ends.1 else {
            return
        }
        range = ends.0...ends.1
    }
}
