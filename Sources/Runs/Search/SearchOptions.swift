import Faults
import Recipes

/// How far a distribution search goes.
package struct SearchOptions: Equatable {
    /// One stage of selection.
    package struct Stage: Equatable {
        package var survivors: Int
        /// That it looks at, from the first of those that are searched on.
        package var samples: Int
    }

    /// Samples on which the costs of all levels are measured to start from; none where the start is uniform, as
    /// published.
    package var measured: Int
    /// Rounds of exact neighbours.
    package var rounds: Int
    package var generations: Int
    package var offspring: Int
    /// The last one leaves one.
    package var stages: [Stage]

    /// - Parameter searched: samples to search on.
    init(_ effort: Effort, searched: Int) {
        func share(_ divisor: Int) -> Int { max(1, (searched + divisor - 1) / divisor) }
        switch effort {
        case .quick:
            (measured, rounds, generations, offspring) = (share(2), 1, 4, 8)
            stages = [Stage(survivors: 2, samples: share(4)), Stage(survivors: 1, samples: searched)]
        case .default, .best:
            (measured, rounds, generations, offspring) = (searched, 2, 6, 12)
            stages = [Stage(survivors: 3, samples: share(4)), Stage(survivors: 1, samples: searched)]
        case .paper:
            (measured, rounds, generations, offspring) = (0, 0, 50, 128)
            stages = [
                Stage(survivors: 16, samples: share(16)), Stage(survivors: 4, samples: share(4)),
                Stage(survivors: 1, samples: searched),
            ]
        }
    }

    /// Of a structural run: the effort's, but for what was said.
    ///
    /// - Parameter tokens: of a sample.
    /// - Throws: `usage` for a selection stage that asks for more tokens than there are.
    package init(_ settings: PruneSettings.StructuralSettings, searched: Int, tokens: Int) throws(Fault) {
        self.init(settings.effort, searched: searched)
        generations = settings.generations ?? generations
        offspring = settings.offspring ?? offspring
        guard let selection = settings.selection else { return }
        stages = []
        for stage in selection.stages {
            guard stage.tokens <= searched * tokens else {
                throw Fault(
                    .usage, "a selection stage asks for more tokens than there are to search on", place: "--selection",
                    found: "\(stage.tokens)",
                    expected: "at most \(searched * tokens): a quarter of the samples is searched on",
                    advice: "give more --samples, or smaller stages")
            }
            stages.append(
                Stage(survivors: stage.survivors, samples: (stage.tokens + tokens - 1) / max(1, tokens)))
        }
    }
}

/// Which samples make candidates, and which a search measures them on.
package enum SearchSplit {
    /// One sample to search on and one to make the candidates with.
    package static let least = 2

    /// Every fourth sample is searched on.
    ///
    /// - Parameter samples: `least` or more.
    package static func searched(of samples: Int) -> [Int] {
        samples < 4 ? [samples - 1] : Array(stride(from: 3, to: samples, by: 4))
    }

    /// The others make the candidates.
    package static func calibrated(of samples: Int) -> [Int] {
        let searched = Set(searched(of: samples))
        return (0..<samples).filter { !searched.contains($0) }
    }
}
