import Decoders

/// Where rows or columns of a matrix come from when units of zeros stand between or behind its own.
struct ZeroPadding: Equatable {
    /// Consecutive rows: of the source from a place on, or of zeros.
    struct Run: Equatable {
        /// Nil for zeros.
        var start: Int?
        var count: Int
    }

    /// In the order of the padded matrix.
    private(set) var runs: [Run] = []

    var count: Int { runs.reduce(0) { $0 + $1.count } }
    /// Whether there are no zeros and everything stands as in the source.
    var isWhole: Bool { runs.allSatisfy { $0.start != nil } && runs.count <= 1 && runs.first?.start ?? 0 == 0 }

    /// All of so many.
    static func whole(_ count: Int) -> ZeroPadding { neurons(count, of: count) }

    /// So many at first, then zeros.
    static func neurons(_ own: Int, of count: Int) -> ZeroPadding {
        var padding = ZeroPadding()
        padding.add(0, own)
        padding.add(nil, count - own)
        return padding
    }

    /// Key-value heads: those of the source at first.
    static func keyValueHeads(_ own: LayerShape, in shape: LayerShape, size: Int) -> ZeroPadding {
        neurons(own.keyValueHeadCount * size, of: shape.keyValueHeadCount * size)
    }

    /// Query heads: each group of the source at the beginning of the group that reads the same key-value head.
    static func queryHeads(_ own: LayerShape, in shape: LayerShape, size: Int) -> ZeroPadding {
        var padding = ZeroPadding()
        guard shape.hasAttention else { return padding }
        let ownGroup = own.hasAttention ? own.headCount / own.keyValueHeadCount : 0
        let group = shape.headCount / shape.keyValueHeadCount
        for head in 0..<shape.keyValueHeadCount {
            let filled = head < own.keyValueHeadCount ? ownGroup : 0
            padding.add(head * ownGroup * size, filled * size)
            padding.add(nil, (group - filled) * size)
        }
        return padding
    }

    private mutating func add(_ start: Int?, _ count: Int) {
        guard count > 0 else { return }
        if let last = runs.last {
            let continues =
                switch (last.start, start) {
                case (nil, nil): true
                case (let before?, let now?): before + last.count == now
                default: false
                }
            if continues {
                runs[runs.count - 1].count += count
                return
            }
        }
        runs.append(Run(start: start, count: count))
    }

    /// A row of the source with zeros where they belong.
    ///
    func spread(_ row: ArraySlice<Float>, into target: inout [Float]) {
        for run in runs {
            if let start = run.start {
                target += row[(row.startIndex + start)..<(row.startIndex + start + run.count)]
            } else {
                target += repeatElement(0, count: run.count)
            }
        }
    }
}
