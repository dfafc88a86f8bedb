import Faults

@testable import Recipes

extension MethodList {
    /// Methods of every form: without data, with it, optimising with different settings by preset, removing units.
    static let examples: MethodList = {
        let standard = Method(
            "wanda++",
            regional: [
                .default: .init(rounds: 3, learningRate: 3e-2),
                .paper: .init(alpha: 100, rounds: 5, roundSamples: 32, learningRate: 3e-7, usesGradient: true),
            ])
        var units = Method("tyr", presets: [.default], regional: [.default: .init(rounds: 3, learningRate: 1e-2)])
        units.removes = .units
        return MethodList(
            [
                Method("magnitude", needsCalibration: false), Method("wanda"), Method("sparsegpt"), standard, units,
            ], standard: standard)
    }()
}

extension PruneRecipe {
    func resolved() throws(Fault) -> PruneSettings { try resolved(among: .examples) }
    func merging(flags: PruneRecipe) -> PruneRecipe { merging(flags: flags, among: .examples) }
}
