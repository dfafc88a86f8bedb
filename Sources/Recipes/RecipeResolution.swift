import Faults
import Settings

extension PruneRecipe {
    /// The settings of a run: defaults filled in, ranges and contradictions checked.
    ///
    /// - Throws: `Fault` of kind `badRecipe` with the place for a value from a recipe, of kind `usage` for one from a
    ///   flag.
    public func resolved(among methods: MethodList) throws(Fault) -> PruneSettings {
        guard effort == .best, recoverySteps == nil else { return try filled(among: methods) }
        var trained = self
        // Twice every sequence that the re-fit does not keep out.
        let samples = samples ?? PruneRecipe.defaultSamples
        trained.recoverySteps = max(1, samples - samples / 8)
        trained.stageCount = stageCount ?? 1
        return try trained.filled(among: methods)
    }

    private static let defaultSamples = 128

    private func filled(among methods: MethodList) throws(Fault) -> PruneSettings {
        guard let model else {
            throw Fault(
                .usage, "the model is missing", advice: "name it: espalier prune MODEL, or model.path in the recipe")
        }
        let method = try resolvedMethod(methods)
        let removesUnits = method.removes == .units
        let pattern = pattern ?? (removesUnits ? .units : .unstructured)
        guard removesUnits == (pattern == .units) else {
            throw fault(
                "pattern", "the method and the pattern cannot be combined",
                found: "\(method.name) with \(pattern.text)",
                expected: removesUnits ? PatternChoice.units.text : "unstructured or K:M",
                advice: removesUnits
                    ? "leave the pattern out"
                    : "use the method \(methods.removingUnits.listed("or")) to remove whole units")
        }
        let preset = preset ?? .default
        guard method.presets.contains(preset) else {
            throw fault("preset", "\(method.name) has no preset \(preset.text)", found: preset.text)
        }
        let sparsity = try resolvedSparsity(pattern)
        try checkStages(pattern, sparsity)
        let allocation = try resolvedAllocation(pattern, sparsity)
        let samples = samples ?? PruneRecipe.defaultSamples
        try check("recover", recoverySteps, in: 1...1_000_000_000)
        try check("calibration.samples", samples, in: 1...1_000_000)
        try check("calibration.skip_bad_lines", skippedLines, in: 0...1_000_000_000)
        try check("calibration.sequence_length", sequenceLength, in: 1...1_048_576)
        try check("threads", threads, in: 1...4096)
        try check("batch_tokens", batchTokens, in: 1...16_777_216)
        try checkExpressions("targets", targets)
        try checkExpressions("ignore", ignore)
        if streamDType == .auto {
            throw fault(
                "stream_dtype", "the hidden states need a data type", found: "auto",
                expected: "float32, bfloat16 or float16")
        }
        if pattern.impliedFraction != nil, allocation == .owl {
            throw fault(
                "allocate", "owl gives each block its own sparsity, but a K:M pattern fixes it",
                found: "owl with \(pattern.text)", advice: "use the pattern unstructured, or the allocation uniform")
        }
        if removesUnits { try checkStructural(method, samples: samples) }
        let calibration = calibration ?? []
        if allocation == .search, samples < 2 {
            throw fault(
                "calibration.samples", "a search needs samples to calibrate and others to search", found: "\(samples)",
                expected: "at least 2")
        }
        if calibration.isEmpty, method.needsCalibration || allocation != .uniform {
            let reason = method.needsCalibration ? method.name : "allocation \(allocation.text)"
            throw fault(
                "calibration.sources", "\(reason) needs calibration text",
                advice: "give --calibration FILE (.txt, .jsonl or .safetensors), or --calibration self")
        }
        if recoverySteps != nil, calibration.isEmpty {
            throw fault(
                "recover", "recovery needs text to train on",
                advice: "give --calibration FILE (.txt, .jsonl or .safetensors), or --calibration self")
        }
        if recoverySteps != nil, keepsSupernet == true {
            throw fault(
                "structure.keep_supernet", "each stage has candidates of its own, and none are kept",
                found: "keep_supernet with recover", advice: "leave one of the two out")
        }
        let writesOwnText = calibration.contains(where: OwnText.isOwn)
        if let temperature {
            guard writesOwnText else {
                throw fault(
                    "calibration.temperature", "a temperature applies only to text that the model writes itself",
                    advice: "leave it out, or use the source self")
            }
            guard temperature > 0, temperature <= 10 else {
                throw fault(
                    "calibration.temperature", "the temperature is out of range", found: "\(temperature)",
                    expected: "a number above 0 and at most 10")
            }
        }
        let hasFiles = calibration.contains(where: OwnText.hasFile)
        if let textField, !hasFiles || textField.isEmpty {
            throw fault(
                "calibration.text_field",
                textField.isEmpty ? "the text field has no name" : "only the records of files have a text field",
                advice: "leave it out, or name the key of a .jsonl file that holds the text")
        }
        if evaluation?.isEmpty == false, calibration.isEmpty {
            throw fault(
                "calibration.evaluation", "there is no calibration text to compare with evaluation texts",
                advice: "leave it out, or give --calibration FILE")
        }
        return PruneSettings(
            model: model, output: output, overwrite: overwrite ?? false, shardSize: shardSize ?? .fiveGigabytes,
            outputDType: outputDType ?? .auto, method: method, preset: preset,
            sparsity: sparsity, pattern: pattern, allocation: allocation,
            channelMoves: try resolvedMoves(method, preset, pattern),
            recoverySteps: recoverySteps, stageCount: stageCount, calibration: calibration, samples: samples,
            sequenceLength: sequenceLength,
            seed: seed ?? 0,
            temperature: writesOwnText ? temperature ?? 1 : nil, skippedLines: skippedLines ?? 0, textField: textField,
            evaluation: evaluation ?? [],
            regional: try resolvedRegional(method, preset: preset, samples: samples, among: methods),
            structure: try resolvedStructure(method, among: methods),
            device: device ?? .auto, dtype: dtype ?? .auto,
            streamDType: streamDType ?? .float32, threads: threads, offload: offload, memory: memory,
            batchTokens: batchTokens, targets: targets ?? [], ignore: ignore ?? [],
            skippedLayers: skippedLayers)
    }

    private func resolvedMethod(_ methods: MethodList) throws(Fault) -> Method {
        do throws(Fault) { return try methods.method(method) } catch {
            throw fault(
                "method", error.summary, found: error.found, expected: error.expected, advice: error.advice)
        }
    }

    private func resolvedMoves(
        _ method: Method, _ preset: Preset, _ pattern: PatternChoice
    ) throws(Fault) -> ChannelMoves? {
        if let standard = method.moves[preset], pattern.groups { return channelMoves ?? standard }
        if let channelMoves {
            throw fault(
                "permute", "channels change places only for a K:M pattern, and not with every method",
                found: "\(channelMoves.text) with \(method.name), \(pattern.text)", advice: "leave it out")
        }
        return nil
    }

    private func resolvedSparsity(_ pattern: PatternChoice) throws(Fault) -> Sparsity {
        guard let implied = pattern.impliedFraction else { return sparsity ?? .half }
        guard let sparsity, abs(sparsity.fraction - implied) > 1e-9 else { return try Sparsity(implied) }
        guard sparsity.fraction > 0, sparsity.fraction < implied else {
            throw fault(
                "sparsity", "the sparsity contradicts the pattern", found: "\(sparsity.text) with \(pattern.text)",
                expected: "\(implied), which \(pattern.text) removes, or less, which leaves some linear layers dense",
                advice: "leave the sparsity out, or use the pattern unstructured")
        }
        return sparsity
    }

    private func checkStages(_ pattern: PatternChoice, _ sparsity: Sparsity) throws(Fault) {
        guard let stageCount else { return }
        guard recoverySteps != nil else {
            throw fault(
                "stages", "a run without training between prunings has no stages", found: "\(stageCount)",
                advice: "add --recover STEPS, or leave the stages out")
        }
        try check("stages", stageCount, in: 1...PruneStages.most)
        let stages = PruneStages(target: sparsity.fraction, pattern: pattern, count: stageCount).stages
        guard stages.count == stageCount else {
            throw fault(
                "stages", "the groups of the pattern lose too few weights for so many stages",
                found: "\(stageCount) with \(pattern.text)",
                expected: "\(stages.map(\.pattern.text).listed()) are \(stages.count)", advice: "ask for fewer stages")
        }
    }

    /// A sparsity below that of a K:M pattern leaves linears dense, and only the search says which.
    private func resolvedAllocation(_ pattern: PatternChoice, _ sparsity: Sparsity) throws(Fault) -> Allocation {
        guard let implied = pattern.impliedFraction, sparsity.fraction < implied else { return allocation ?? .uniform }
        if let allocation, allocation != .search {
            throw fault(
                "allocate", "a sparsity below that of the pattern leaves some linear layers dense, by a search",
                found: "\(allocation.text) with \(sparsity.text) and \(pattern.text)",
                advice: "leave --allocate out, or use search")
        }
        if recoverySteps != nil, stageCount != 1 {
            throw fault(
                "recover", "stages have a K:M pattern each, and leave no linear layer dense",
                found: "recover with \(sparsity.text) and \(pattern.text)",
                advice: "prune once with --stages 1, or use `espalier recover` on the result")
        }
        return .search
    }

    private func resolvedRegional(
        _ method: Method, preset: Preset, samples: Int, among methods: MethodList
    ) throws(Fault) -> PruneSettings.RegionalSettings? {
        guard let own = method.regional[preset] else {
            if let given = PruneRecipe.fields.first(where: { $0.isRegional && $0.isGiven(self) }) {
                throw fault(
                    given.key, "only \(methods.optimising.listed()) have regional settings",
                    found: "\(given.key) with \(method.name)",
                    advice: "leave it out, or use the method \(methods.optimising.first ?? methods.standard.name)")
            }
            return nil
        }
        try checkRegionalKeys(own, method, preset: preset)
        if let alpha, !(alpha >= 0 && alpha <= 1e9) {
            throw fault(
                "regional.alpha", "alpha is out of range", found: "\(alpha)", expected: "a number from 0 to 1e9")
        }
        try check("regional.rounds", rounds, in: 1...10_000)
        try check("regional.round_samples", roundSamples, in: 1...1_000_000)
        if let roundSamples, roundSamples > samples {
            throw fault(
                "regional.round_samples", "a round cannot draw more sequences than there are samples",
                found: "\(roundSamples)", expected: "at most \(samples)")
        }
        if let learningRate, !(learningRate > 0 && learningRate <= 10) {
            throw fault(
                "regional.learning_rate", "the learning rate is out of range", found: "\(learningRate)",
                expected: "a number above 0 and at most 10")
        }
        return PruneSettings.RegionalSettings(
            alpha: own.alpha.map { alpha ?? $0 }, rounds: rounds ?? own.rounds,
            roundSamples: own.roundSamples.map { roundSamples ?? min($0, samples) }, learningRate: learningRate,
            usesGradient: own.usesGradient.map { regionalGradient ?? $0 },
            usesOptimizer: regionalOptimizer ?? own.usesOptimizer)
    }

    /// A setting that the method does not look at under this preset would mislead.
    private func checkRegionalKeys(
        _ own: PruneSettings.RegionalSettings, _ method: Method, preset: Preset
    ) throws(Fault) {
        let optional: [(key: String, isTaken: (PruneSettings.RegionalSettings) -> Bool)] = [
            ("regional.alpha", { $0.alpha != nil }), ("regional.round_samples", { $0.roundSamples != nil }),
            ("regional.gradient", { $0.usesGradient != nil }),
        ]
        for (key, isTaken) in optional where !isTaken(own) {
            guard let field = PruneRecipe.fields.first(where: { $0.key == key }), field.isGiven(self) else { continue }
            let others = Preset.allCases.filter { method.regional[$0].map(isTaken) ?? false }.map(\.text)
            throw fault(
                key,
                others.isEmpty
                    ? "\(method.name) has no such setting" : "only the preset \(others.listed()) has this setting",
                found: "\(key) with the \(preset == .default ? "default preset" : "preset \(preset.text)")",
                advice: others.isEmpty ? "leave it out" : "leave it out, or use the preset \(others.listed("or"))")
        }
    }

    /// What the search of whole units cannot do.
    private func checkStructural(_ method: Method, samples: Int) throws(Fault) {
        guard samples >= 2 else {
            throw fault(
                "calibration.samples", "\(method.name) needs samples to calibrate and others to search",
                found: "\(samples)",
                expected: "at least 2")
        }
        if let allocation, allocation != .uniform {
            throw fault("allocate", "\(method.name) finds the sparsity of each layer by itself", found: allocation.text)
        }
        for (key, value) in [("targets", targets), ("ignore", ignore)] where !(value ?? []).isEmpty {
            throw fault(key, "\(method.name) searches all blocks", found: value?.joined(separator: ", ") ?? "")
        }
    }

    private func resolvedStructure(
        _ method: Method, among methods: MethodList
    ) throws(Fault) -> PruneSettings.StructuralSettings? {
        guard method.removes == .units else {
            if let given = PruneRecipe.fields.first(where: { $0.isStructural && $0.isGiven(self) }) {
                throw fault(
                    given.key, "only \(methods.removingUnits.listed()) removes whole units",
                    found: "\(given.key) with \(method.name)",
                    advice: "leave it out, or use the method \(methods.removingUnits.listed("or"))")
            }
            return nil
        }
        try check("structure.granularity", granularity, in: 1...1_000_000)
        try check("structure.levels", levels, in: 2...129)
        try check("structure.iterations", iterations, in: 1...10)
        try check("structure.generations", generations, in: 0...100_000)
        try check("structure.offspring", offspring, in: 1...100_000)
        let isPaper = effort == .paper
        let isUniform = isUniform ?? false
        let interval = interval?.fraction ?? (isPaper ? 0.125 : 0.0625)
        guard interval >= 0.005 else {
            throw fault(
                "structure.interval", "the interval of the levels is too small", found: "\(interval)",
                expected: "at least 0.005")
        }
        if isUniform, skippedLayers != nil {
            throw fault(
                "skip_layers", "layers that are all alike all lose as much", found: "skip_layers with uniform",
                advice: "leave one of the two out")
        }
        if isUniform {
            // A search over one shape for all layers has nothing to evolve. One supernet is what there is, and what the
            // recipe of such a run says.
            let evolution: [(String, Bool)] = [
                ("structure.separate_budgets", separatesBudgets == true), ("structure.levels", levels != nil),
                ("structure.iterations", (iterations ?? 1) != 1), ("structure.generations", generations != nil),
                ("structure.offspring", offspring != nil), ("structure.selection", selection != nil),
            ]
            if let key = evolution.first(where: \.1)?.0 {
                throw fault(key, "uniform layers are all compared, not searched", advice: "omit it or --uniform")
            }
        }
        if let survivors = selection?.stages.first?.survivors, let offspring, survivors > offspring {
            throw fault(
                "structure.selection", "more candidates survive the first stage than there are offspring",
                found: "\(survivors)",
                expected: "at most \(offspring)")
        }
        return PruneSettings.StructuralSettings(
            budget: budget ?? .parameters, separatesBudgets: separatesBudgets ?? false,
            usesGradientTerm: gradientTerm ?? false, effort: effort ?? .default,
            levels: levels ?? (isPaper && !isUniform ? 9 : nil), interval: interval,
            iterations: iterations ?? (isPaper && !isUniform ? 4 : 1), generations: generations,
            offspring: offspring, selection: selection, granularity: granularity, isUniform: isUniform,
            engines: engines,
            keepsSupernet: keepsSupernet ?? false)
    }

    private func check(_ key: String, _ value: Int?, in range: ClosedRange<Int>) throws(Fault) {
        guard let value, !range.contains(value) else { return }
        throw fault(
            key, "'\(key)' is out of range", found: "\(value)",
            expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }

    private func checkExpressions(_ key: String, _ expressions: [String]?) throws(Fault) {
        for expression in expressions ?? [] {
            do throws(TextExpression.Refusal) { _ = try TextExpression(expression) } catch {
                throw fault(
                    key, "not a usable regular expression: \(error.reason)",
                    found: expression, expected: error.place.map { "another one at its \($0)" },
                    advice: "escape a literal dot as \\.")
            }
        }
    }
}
