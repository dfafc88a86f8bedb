/// Places of labels beside a chart: in one column, in the order of the heights of what they name, so that none covers
/// another and none changes places with another.
enum LabelColumn {
    /// Between the lines of two labels, in points of the chart; also enough for the larger letters of a narrow screen.
    static let spacing = 20.0

    /// Heights as near to the wanted ones as the spacing allows: least squares, by pooling adjacent violators.
    ///
    /// - Parameters:
    ///   - wanted: in rising order.
    ///   - room: where labels may stand. Too small for all, they stand below each other from its top.
    static func heights(_ wanted: [Double], spacing: Double = spacing, in room: ClosedRange<Double>) -> [Double] {
        var pools: [(sum: Double, count: Int)] = []
        for (index, height) in wanted.enumerated() {
            pools.append((height - spacing * Double(index), 1))
            while pools.count > 1 {
                let (before, last) = (pools[pools.count - 2], pools[pools.count - 1])
                guard before.sum / Double(before.count) > last.sum / Double(last.count) else { break }
                pools.removeLast(2)
                pools.append((before.sum + last.sum, before.count + last.count))
            }
        }
        let last = max(room.lowerBound, room.upperBound - spacing * Double(max(0, wanted.count - 1)))
        let places = pools.flatMap { pool in
            Array(repeating: min(last, max(room.lowerBound, pool.sum / Double(pool.count))), count: pool.count)
        }
        return places.enumerated().map { $0.element + spacing * Double($0.offset) }
    }
}
