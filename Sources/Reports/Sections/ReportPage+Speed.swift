import Recipes

/// Words for speed: that of this program's own engine, or of a server.
extension ReportPage {
    /// Stands beside every figure of speed.
    ///
    /// - Parameter server: what it calls itself; nil for this program's own engine.
    static func engine(_ server: String?) -> String {
        guard let server else { return "in Espalier's own engine; your server's speed will differ" }
        return "on a server (\(HTML.name(server))): the ratio is the server's"
    }

    /// The same for all runs of a page.
    var engine: String {
        let servers = Set(runs.compactMap(\.speed).map(\.server))
        guard servers.count > 1 else { return ReportPage.engine(servers.first ?? nil) }
        return "on each run's own server, or in Espalier's own engine where there is none"
    }

    /// Whether any figure of speed is a server's.
    var hasServedSpeed: Bool { runs.contains { $0.speed?.server != nil } }

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
        let server = speed?.server.map { HTML.name($0) }
        let place = server.map { "On its server (\($0))" } ?? "In Espalier's own engine"
        let end = server == nil ? "your server's speed will differ" : "this is the server's ratio"
        switch ratio.standing {
        case .faster, .slower:
            return "\(place) it writes \(times) times as fast as the dense model "
                + "(\(range(ratio) ?? "")); \(end)."
        case .withinNoise:
            return "\(place) any difference in speed from the dense model is within the noise "
                + "(\(times) times, \(range(ratio) ?? "")); \(end)."
        case .noiseUnknown:
            return
                "\(place) it writes \(times) times as fast as the dense model, measured too seldom "
                + "to know the "
                + "noise; \(end)."
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
        return "\(words); measured \(engine(speed?.server))"
    }
}
