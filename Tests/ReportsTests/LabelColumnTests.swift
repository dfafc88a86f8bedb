import Foundation
import TestSupport
import Testing

@testable import Reports

/// Labels stand in the order of what they name, and never on each other.
@Suite("Labels of a chart")
struct LabelColumnTests {
    @Test(
        "heights keep their order and their distance, and move no further than they must",
        arguments: [[100, 101], [100, 100, 100], [50, 100, 150], [34, 34, 35, 36, 250, 251, 252], [252], []])
    func spacing(wanted: [Double]) {
        let room = 34.0...252.0
        let heights = LabelColumn.heights(wanted, in: room)
        #expect(heights.count == wanted.count && heights.allSatisfy { room.contains($0) })
        for (a, b) in zip(heights, heights.dropFirst()) { #expect(b - a >= LabelColumn.spacing - 1e-9) }
        // Those that had room stay; two that had none part by as much to either side.
        if wanted == [50, 100, 150] { #expect(heights == wanted) }
        if wanted == [100, 101] { #expect(heights == [90.5, 110.5]) }
    }

    @Test("least squares: no other places within reach are nearer to the wanted ones")
    func optimal() {
        let wanted = [100.0, 104, 130, 131, 133]
        let heights = LabelColumn.heights(wanted, in: 0...300)
        func error(_ places: [Double]) -> Double { zip(places, wanted).reduce(0) { $0 + pow($1.0 - $1.1, 2) } }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let other = heights.map { $0 + Double.random(in: -8...8, using: &generator) }
            let isAllowed = zip(other, other.dropFirst()).allSatisfy { $1 - $0 >= LabelColumn.spacing }
            if isAllowed { #expect(error(other) >= error(heights) - 1e-9) }
        }
        // What a general solver finds: all five in one pool around the mean 119.6.
        #expect(heights.enumerated().allSatisfy { abs($0.element - (79.6 + 20 * Double($0.offset))) < 1e-9 })
    }

    /// Texts of labels by height, in the order of the file.
    private func labels(_ chart: Chart) -> [(text: String, y: Double)] {
        chart.svg.split(separator: "<text class=\"label\"").dropFirst().compactMap { part in
            guard let y = part.firstMatch(of: #/ y="([0-9.]+)"/#)?.1, let text = part.firstMatch(of: #/>([^<]*)</#)?.1
            else { return nil }
            return Double(y).map { (String(text), $0) }
        }
    }

    @Test("of two near points the upper one's label is the upper one, whatever their order")
    func nearPoints() throws {
        let (a, b) = (
            Charts.Point(index: 0, name: "upper", x: 80, y: 1.31), Charts.Point(index: 1, name: "lower", x: 79, y: 1.3)
        )
        for points in [[a, b], [b, a]] {
            let chart = try #require(Charts.pareto(points, .weights))
            let labels = labels(chart)
            #expect(labels.map(\.text) == ["upper", "lower", "dense"])
            for (one, next) in zip(labels, labels.dropFirst()) { #expect(next.y - one.y >= LabelColumn.spacing - 0.2) }
        }
    }

    @Test("many runs make the picture higher; beyond forty they are in the table only")
    func many() throws {
        for count in [1, 12, 100] {
            let points = (0..<count).map {
                Charts.Point(index: $0, name: "run\($0)", x: 50 + Double($0) / 10, y: 1.2 + Double($0) / 1000)
            }
            let labels = labels(try #require(Charts.pareto(points, .weights)))
            #expect(labels.count == min(count, Charts.mostLabels) + 1)
            for (one, next) in zip(labels, labels.dropFirst()) { #expect(next.y - one.y >= LabelColumn.spacing - 0.2) }
        }
    }
}
