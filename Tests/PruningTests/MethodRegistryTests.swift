import Pruning
import Recipes
import Testing

@Suite("The registry of methods")
struct MethodRegistryTests {
    @Test("has these methods, and a recipe that names none means wanda++")
    func names() {
        let declared = MethodRegistry.standard.declared
        #expect(declared.all.map(\.name) == ["magnitude", "wanda", "sparsegpt", "wanda++", "tyr"])
        #expect(declared.standard.name == "wanda++")
        #expect(declared.all.filter { !$0.needsCalibration }.map(\.name) == ["magnitude"])
        #expect(declared.all.filter { $0.removes == .units }.map(\.name) == ["tyr"])
        #expect(declared.all.filter { $0.presets == [.default] }.map(\.name) == ["tyr"])
    }

    @Test("fills in what a recipe leaves out")
    func defaults() throws {
        let settings = try PruneRecipe(yaml: "version: 1\nmodel: {path: m}\ncalibration: {sources: [self]}").resolved()
        #expect(settings.method == PruningMethod.wandaPlusPlus.declaration)
        let regional = try #require(settings.regional)
        #expect(regional.alpha == nil && regional.rounds == 5 && regional.roundSamples == nil)
        #expect(regional.learningRate == nil && regional.usesGradient == nil && regional.usesOptimizer)
        #expect(settings.filledRegional?.learningRate == 3e-2)
    }

    @Test("the preset paper has the published settings")
    func paper() throws {
        let yaml = "version: 1\nmodel: {path: m}\npreset: paper\ncalibration: {sources: [self]}"
        let regional = try #require(try PruneRecipe(yaml: yaml).resolved().regional)
        #expect(regional.alpha == 100 && regional.rounds == 5 && regional.roundSamples == 32)
        #expect(regional.usesGradient == true && regional.usesOptimizer)
    }
}
