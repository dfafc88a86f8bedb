import Faults
import Recipes
import Testing

@Suite("Resolving a recipe")
struct RecipeResolutionTests {
    private func recipe(_ lines: String, base: String = "version: 1\nmodel: {path: m}\n") throws -> PruneRecipe {
        try PruneRecipe(yaml: base + lines, file: "r.yaml")
    }

    private func faultOfResolving(_ recipe: PruneRecipe) -> Fault? {
        do throws(Fault) {
            _ = try recipe.resolved()
            return nil
        } catch {
            return error
        }
    }

    @Test("defaults are filled in")
    func defaults() throws {
        let settings = try recipe("calibration: {sources: [self]}").resolved()
        #expect(settings.method == MethodList.examples.standard)
        #expect(settings.preset == .default)
        #expect(settings.pattern == .unstructured)
        #expect(settings.sparsity.fraction == 0.5)
        #expect(settings.allocation == .uniform)
        #expect(settings.samples == 128)
        #expect(settings.sequenceLength == nil)
        #expect(PruneSettings.defaultSequenceLength == 2048)
        #expect(settings.seed == 0)
        #expect(settings.streamDType == .float32)
        #expect(settings.shardSize.bytes == 5_000_000_000)
        let regional = try #require(settings.regional)
        #expect(regional.alpha == nil)
        #expect(regional.rounds == 3)
        #expect(regional.roundSamples == nil)
        #expect(regional.learningRate == nil)
        #expect(regional.usesGradient == nil && regional.usesOptimizer)
    }

    @Test("the preset paper has the published settings")
    func paper() throws {
        let settings = try recipe("preset: paper\ncalibration: {sources: [self]}").resolved()
        let regional = try #require(settings.regional)
        #expect(regional.alpha == 100)
        #expect(regional.rounds == 5)
        #expect(regional.roundSamples == 32)
        #expect(regional.usesGradient == true && regional.usesOptimizer)
    }

    @Test("only text that the model writes has a temperature")
    func temperature() throws {
        #expect(try recipe("calibration: {sources: [self]}").resolved().temperature == 1)
        #expect(try recipe("calibration: {sources: [a.txt]}").resolved().temperature == nil)
        let wishes = try recipe("calibration: {sources: [a.txt], temperature: 0.5}")
        #expect(try #require(faultOfResolving(wishes)).place == "line 3, column 46 (calibration.temperature)")
    }

    @Test("a round draws no more sequences than there are samples")
    func fewSamples() throws {
        let settings = try recipe("preset: paper\ncalibration: {sources: [self], samples: 8}").resolved()
        #expect(settings.regional?.roundSamples == 8)
    }

    @Test("a K:M pattern sets the sparsity")
    func patternSetsSparsity() throws {
        let settings = try recipe("pattern: 1:4\ncalibration: {sources: [self]}").resolved()
        #expect(settings.sparsity.fraction == 0.75)
    }

    @Test("a sparsity below that of a K:M pattern asks for a search of the linears that stay dense")
    func patternBelowItsSparsity() throws {
        let settings = try recipe("pattern: 2:4\nsparsity: 40%\ncalibration: {sources: [self]}").resolved()
        #expect(settings.allocation == .search && settings.sparsity.fraction == 0.4)
        #expect(settings.pattern == .keep(2, of: 4))
        // The recipe of the run asks for the same.
        #expect(try settings.recipe().resolved() == settings)
        let whole = try recipe("pattern: 2:4\nsparsity: 50%\ncalibration: {sources: [self]}").resolved()
        #expect(whole.allocation == .uniform)
    }

    @Test(
        "contradictions and ranges are refused at their place in the recipe",
        arguments: [
            ("pattern: 2:4\nsparsity: 0.6", "line 4, column 11 (sparsity)"),
            ("pattern: 2:4\nsparsity: 0", "line 4, column 11 (sparsity)"),
            ("pattern: 2:4\nallocate: owl", "line 4, column 11 (allocate)"),
            ("pattern: 2:4\nsparsity: 0.4\nallocate: uniform", "line 5, column 11 (allocate)"),
            ("pattern: 2:4\nsparsity: 0.4\nrecover: 10", "line 5, column 10 (recover)"),
            ("calibration: {samples: 0}", "line 3, column 24 (calibration.samples)"),
            ("batch_tokens: 0", "line 3, column 15 (batch_tokens)"),
            ("calibration: {sequence_length: 0}", "line 3, column 32 (calibration.sequence_length)"),
            ("calibration: {sources: []}", "line 3, column 24 (calibration.sources)"),
            ("regional: {rounds: 0}", "line 3, column 20 (regional.rounds)"),
            ("preset: paper\nregional: {alpha: -1}", "line 4, column 19 (regional.alpha)"),
            ("regional: {alpha: 1}", "line 3, column 19 (regional.alpha)"),
            ("regional: {gradient: false}", "line 3, column 22 (regional.gradient)"),
            ("regional: {learning_rate: 0}", "line 3, column 27 (regional.learning_rate)"),
            ("preset: paper\nregional: {round_samples: 129}", "line 4, column 27 (regional.round_samples)"),
            ("method: wanda\nregional: {alpha: 1}", "line 4, column 19 (regional.alpha)"),
            ("method: wandas", "line 3, column 9 (method)"),
            ("method: tyr\npreset: paper", "line 4, column 9 (preset)"),
            ("pattern: structured", "line 3, column 10 (pattern)"),
            ("method: tyr\npattern: 2:4", "line 4, column 10 (pattern)"),
            ("method: tyr\nregional: {alpha: 1}", "line 4, column 19 (regional.alpha)"),
            ("structure: {levels: 3}", "line 3, column 21 (structure.levels)"),
            ("threads: 0", "line 3, column 10 (threads)"), ("stream_dtype: auto", "line 3, column 15 (stream_dtype)"),
            ("targets: ['(']", "line 3, column 10 (targets)"),
        ])
    func contradictions(lines: String, place: String) throws {
        var wishes = try recipe(lines)
        if !lines.contains("sources") { wishes.calibration = ["self"] }
        let fault = try #require(faultOfResolving(wishes))
        #expect(fault.kind == .badRecipe)
        #expect(fault.file == "r.yaml")
        #expect(fault.place == place)
    }

    @Test("the same mistake in a flag is bad usage and names the flag")
    func flagMistake() throws {
        var flags = PruneRecipe()
        flags.samples = 0
        let fault = try #require(faultOfResolving(try recipe("calibration: {samples: 4}").merging(flags: flags)))
        #expect(fault.kind == .usage)
        #expect(fault.file == nil)
        #expect(fault.place == "--samples")
    }

    @Test("flags win over the recipe, and what is not given stays")
    func flagsWin() throws {
        var flags = PruneRecipe()
        flags.seed = 7
        flags.sparsity = try Sparsity(0.25)
        let settings = try recipe("seed: 3\nsparsity: 0.6\ndtype: float32\ncalibration: {sources: [self]}")
            .merging(flags: flags).resolved()
        #expect(settings.seed == 7)
        #expect(settings.sparsity.fraction == 0.25)
        #expect(settings.dtype == .float32)
    }

    @Test("a flag that replaces a choice drops what the recipe said about the old one")
    func replacedChoices() throws {
        var flags = PruneRecipe()
        flags.method = "wanda"
        flags.pattern = .keep(1, of: 4)
        let settings = try recipe("sparsity: 0.6\nregional: {rounds: 3}\ncalibration: {sources: [self]}")
            .merging(flags: flags).resolved()
        #expect(settings.regional == nil)
        #expect(settings.sparsity.fraction == 0.75)
    }

    @Test("a flag that names the recipe's own method drops nothing, another what belongs to the old one")
    func replacedMethods() throws {
        func merged(_ lines: String, method: String) throws -> PruneSettings {
            var flags = PruneRecipe()
            flags.method = method
            return try recipe(lines + "\ncalibration: {sources: [self]}").merging(flags: flags).resolved()
        }
        #expect(try merged("regional: {rounds: 2}", method: "wanda++").regional?.rounds == 2)
        let tyr = "method: tyr\nregional: {learning_rate: 0.5}\nstructure: {levels: 5}"
        let same = try merged(tyr, method: "tyr")
        #expect(same.regional?.learningRate == 0.5 && same.structure?.levels == 5)
        let other = try merged(tyr, method: "wanda++")
        #expect(other.regional?.learningRate == nil && other.structure == nil && other.pattern == .unstructured)
    }

    @Test("a method that is none is refused with all names, and a setting that a method never has with its name")
    func methodMessages() throws {
        let unknown = try #require(faultOfResolving(try recipe("method: wandas")))
        #expect(unknown.summary == "unknown method" && unknown.found == "wandas")
        #expect(
            unknown.expected == "magnitude, wanda, sparsegpt, wanda++, tyr" && unknown.advice == "did you mean wanda?")
        let alpha = try #require(
            faultOfResolving(try recipe("method: tyr\ncalibration: {sources: [self]}\nregional: {alpha: 1}")))
        #expect(alpha.summary == "tyr has no such setting" && alpha.advice == "leave it out")
        let preset = try #require(faultOfResolving(try recipe("calibration: {sources: [self]}\nregional: {alpha: 1}")))
        #expect(preset.summary == "only the preset paper has this setting")
    }

    @Test("a run of the method that removes units has the pattern structured, said or not, and writes it down")
    func structuredPattern() throws {
        for lines in ["", "pattern: structured\n"] {
            let settings = try recipe(lines + "method: tyr\ncalibration: {sources: [self]}").resolved()
            #expect(settings.pattern == .units)
            #expect(settings.recipe().yaml().contains("\npattern: structured\n"))
        }
    }

    @Test("model, output and calibration are asked for when they are missing")
    func missingWishes() throws {
        #expect(try #require(faultOfResolving(PruneRecipe())).summary == "the model is missing")
        #expect(try #require(faultOfResolving(try recipe(""))).summary == "wanda++ needs calibration text")
        let settings = try recipe("method: magnitude").resolved()
        #expect(throws: Fault.self) { try settings.requiredOutput() }
        let owl = try recipe("method: magnitude\nallocate: owl")
        #expect(try #require(faultOfResolving(owl)).summary == "allocation owl needs calibration text")
    }
}
