import Recipes

/// Words for speed, which is always that of this program's own engine.
extension ReportPage {
    /// Stands beside every figure of speed.
    static let engine = "in Espalier's own engine; your server's speed will differ"

    /// "1.50× (1.31 to 1.72)"
    static func ratio(_ ratio: SpeedRatio?) -> String {
        guard let ratio, ratio.value.isFinite else { return "–" }
        return Figure.times(ratio.value) + (range(ratio).map { " (\($0))" } ?? "")
    }

    /// "1.31 to 1.72"
    private static func range(_ ratio: SpeedRatio) -> String? {
        ratio.range.map { "\(Figure.fixed($0.lowerBound, 2)) to \(Figure.fixed($0.upperBound, 2))" }
    }

    /// What may be said of the measurement that counts most; nil where there is none.
    static func sentence(_ speed: PublishedRun.Speed?) -> String? {
        guard let ratio = speed?.decode, ratio.value.isFinite else { return nil }
        let times = Figure.fixed(ratio.value, 2)
        switch ratio.standing {
        case .faster, .slower:
            return "In Espalier's own engine it writes \(times) times as fast as the dense model "
                + "(\(range(ratio) ?? "")); your server's speed will differ."
        case .withinNoise:
            return "In Espalier's own engine any difference in speed from the dense model is within the noise "
                + "(\(times) times, \(range(ratio) ?? "")); your server's speed will differ."
        case .noiseUnknown:
            return
                "In Espalier's own engine it writes \(times) times as fast as the dense model, measured too seldom "
                + "to know the "
                + "noise; your server's speed will differ."
        }
    }

    /// What a server gains less of, though it was measured here; nil where all widths suit kernels.
    static func widths(_ run: PublishedRun) -> String? {
        guard let first = run.misalignedWidths.first, run.speed != nil else { return nil }
        let more = run.misalignedWidths.count > 1 ? " and \(run.misalignedWidths.count - 1) more" : ""
        return "Some MLPs have widths that are no multiple of \(StructuralWidths.multiple) (\(first)\(more)): a "
            + "server's kernels take as long for them as for the next multiple, so that part of the gain may be lost there."
    }

    /// Under a tile's figure.
    static func caption(_ speed: PublishedRun.Speed?) -> String {
        guard let ratio = speed?.decode, ratio.value.isFinite else {
            return "speed was not measured"
        }
        let between = range(ratio).map { " (\($0))" } ?? ""
        let words =
            switch ratio.standing {
            case .faster: "as fast as the dense model\(between)"
            case .slower: "as fast as the dense model\(between), so slower"
            case .withinNoise: "as fast as the dense model\(between): within noise, so no difference is shown"
            case .noiseUnknown: "as fast as the dense model; its noise is not known"
            }
        return "\(words); measured \(engine)"
    }
}
