import Faults
import Recipes

/// What a run refuses for want of calibration samples before any work, and a plan with it.
extension PruneSettings {
    /// - Parameter needed: whether the method looks at samples.
    /// - Throws: `usage` when there are too few: statistics of nothing would be zeros, and nobody would be told.
    package func checkSamples(_ samples: Int, needed: Bool) throws(Fault) {
        if (needed || allocation != .uniform) && samples == 0 { throw needsCalibration }
        let isSearched = structure != nil || allocation == .search
        guard isSearched, samples < SearchSplit.least else { return }
        throw Fault(
            .usage, "a search needs samples to prune with and others to measure on", place: "--samples",
            found: "\(samples) calibration sample\(samples == 1 ? "" : "s")", expected: "at least \(SearchSplit.least)",
            advice: "use more text, or a shorter --sequence-length")
    }

    /// What is refused without any sample.
    var needsCalibration: Fault {
        Fault(
            .usage, "\(allocation == .uniform ? method.name : "--allocate \(allocation)") needs calibration text",
            advice: "add --calibration FILE (a text, .jsonl or a token file), or --calibration self")
    }
}
