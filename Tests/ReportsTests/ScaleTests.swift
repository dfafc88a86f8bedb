import Testing

@testable import Reports

private let least = Double.leastNonzeroMagnitude

/// Axes of values that hardly differ, or not at all.
struct ScaleTests {
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            [0, least], [0, 2e13 * least], [1, 1.0.nextUp], [1e99, -1e99], [1e-300, 2e-300], [.nan, .infinity], [],
            [3, 3], [-least, least], [1e300, 1],
        ])
    func anAxisEndsAndIsOfNumbers(_ values: [Double]) {
        for margin in [0, 0.1] {
            let scale = Scale(values, margin: margin, start: 0, end: 100)
            #expect(scale.from < scale.to && scale.ticks.count <= 12 && (0...6).contains(scale.digits))
            for value in values where abs(value) < 1e100 { #expect(scale.point(value).isFinite) }
        }
    }
}
