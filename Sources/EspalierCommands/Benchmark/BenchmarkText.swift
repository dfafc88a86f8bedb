import EspalierKit
import Evaluation
import Faults

extension BenchmarkReport {
    /// For people.
    var text: String {
        var sizes = TextTable()
        sizes.add(cells: ["model", "parameters", "weight files", "peak memory"])
        for one in [model] + (against.map { [$0] } ?? []) {
            sizes.add(cells: [
                Fault.harmless(one.path), one.parameters.map { Amount.count($0) } ?? "–",
                one.bytes.map(Amount.bytes) ?? "–",
                one.peakMemoryBytes.map(Amount.bytes) ?? "–",
            ])
        }
        var speeds = TextTable()
        speeds.add(
            cells: ["prompt", "batch", "first token", "new tokens/s"]
                + (against == nil ? [] : ["dense", "dense", "ratio", "ratio"]))
        for speedCase in cases {
            var cells = ["\(speedCase.prompt)", "\(speedCase.batch)"] + self.cells(model, speedCase)
            if let against, let ratio = ratio(speedCase, against) {
                cells += self.cells(against, speedCase)
                cells += [Amount.fixed(ratio.first, 2) + "×", Amount.fixed(ratio.decode, 2) + "×"]
            }
            speeds.add(cells: cells)
        }
        // A server tells no sizes.
        return (isServed ? "" : sizes.text + "\n") + speeds.text
    }

    /// Medians, each with half the distance between the ends as a share of it.
    private func cells(_ model: Model, _ speedCase: SpeedCase) -> [String] {
        func cell(_ spread: Spread?, _ text: (Double) -> String) -> String {
            guard let spread, spread.median > 0 else { return "–" }
            return text(spread.median) + " ±\(Amount.percent((spread.most - spread.least) / 2 / spread.median, 0))"
        }
        return [
            cell(model.timeToFirstToken(speedCase)) { Amount.fixed($0 * 1000, 1) + " ms" },
            cell(model.decodeTokensPerSecond(speedCase)) { Amount.fixed($0, 1) },
        ]
    }
}
