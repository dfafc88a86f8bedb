/// What a pruned model saves, and whether that can be said at all.
enum Savings {
    /// Why no saving is given for a run.
    enum Obstacle: String, CaseIterable, Sendable {
        case noGo = "no-go"
        case notJudged = "not judged"
        case notMeasured = "not measured"
        case noiseUnknown = "noise unknown"
        case withinNoise = "within noise"
        case slower

        /// After "No savings are computed for NAMES: ".
        var reason: String {
            switch self {
            case .noGo: "the verdict is no-go."
            case .notJudged: "whether the quality is good enough is not known yet."
            case .notMeasured: "speed was not measured (espalier benchmark --against DENSE)."
            case .noiseUnknown:
                "the benchmark has fewer than \(SpeedRatio.fewestRepeats) repeats, so its noise is unknown."
            case .withinNoise: "the difference in speed from the dense model is within the noise of the measurement."
            case .slower: "the measurement shows no gain in speed over the dense model."
            }
        }
    }

    /// - Returns: nil for a run that is good enough to be served and measurably faster than the dense model.
    static func obstacle(_ decision: Verdict.Decision, _ speed: PublishedRun.Speed?) -> Obstacle? {
        switch decision {
        case .noGo: return .noGo
        case .unknown: return .notJudged
        case .go, .canary, .poc: break
        }
        guard let speed, speed.decode.value.isFinite, speed.decode.value > 0 else { return .notMeasured }
        switch speed.decode.standing {
        case .faster: return nil
        case .slower: return .slower
        case .withinNoise: return .withinNoise
        case .noiseUnknown: return .noiseUnknown
        }
    }

    /// Machine-hours of a day's tokens times their price.
    ///
    /// - Parameters:
    ///   - tokensPerDay: new tokens.
    ///   - tokensPerSecond: of one machine.
    static func costOfDay(tokensPerDay: Double, tokensPerSecond: Double, pricePerHour: Double) -> Double {
        tokensPerDay / (tokensPerSecond * 3600) * pricePerHour
    }
}
