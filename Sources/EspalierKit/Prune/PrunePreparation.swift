import Calibration
import Evaluation
import Faults
import Recipes
import Runs
import Tokenization

/// From settings to a run that could begin: opens the model, reads the calibration text, starts the engine.
public struct PrunePreparation {
    /// Of a `PruneRun`, or of a plan.
    public let context: PruneContext

    /// - Parameters:
    ///   - settings: of the run.
    ///   - needsWeights: whether a folder without weights is refused; what looks at the configuration alone can do
    ///     without.
    ///   - reporter: told how the work goes.
    /// - Throws: `Fault` for a model, a text or settings that cannot be used.
    public init(
        _ settings: PruneSettings, needsWeights: Bool = true, reporter: any Reporter
    ) throws(Fault) {
        let engine = try EngineSettings(threads: settings.threads, device: settings.device, dtype: settings.dtype)
        engine.warnings.forEach(reporter.warning)
        let model = try OpenedModel(settings.model, device: engine.device, needsWeights: needsWeights)
        model.warnings.forEach(reporter.warning)
        // What would stop the run at its end is found before its first step.
        let set = try PrunePreparation.calibration(settings, model, engine, reporter)
        context = try PruneContext(settings, decoder: model.decoder, compute: engine.dtype, calibration: set)
        context.warnings.forEach(reporter.warning)
    }

    private static func calibration(
        _ settings: PruneSettings, _ model: OpenedModel, _ engine: EngineSettings, _ reporter: any Reporter
    ) throws(Fault) -> CalibrationSet? {
        guard !settings.calibration.isEmpty else { return nil }
        var sources: [CalibrationSource] = []
        for text in settings.calibration { sources.append(try CalibrationSource(parsing: text)) }
        let request = CalibrationRequest(
            sources: sources, samples: settings.samples, sequenceLength: settings.sequenceLength, seed: settings.seed,
            contextLength: model.configuration.contextLength, vocabularySize: model.configuration.vocabularySize,
            skippedLines: settings.skippedLines, textField: settings.textField, evaluation: settings.evaluation)
        var kinds: Set<CalibrationSource.FileKind> = []
        for case .file(_, let kind, _) in sources { kinds.insert(kind) }
        if settings.skippedLines > 0, !kinds.contains(.jsonLines) {
            throw Fault(
                .usage, "none of the calibration files has records", place: "--skip-bad-lines",
                found: "\(settings.skippedLines)", expected: "a .jsonl, .ndjson or .json file",
                advice: "leave --skip-bad-lines out")
        }
        for path in settings.evaluation { kinds.insert(try CalibrationSource.kind(of: path)) }
        if let field = settings.textField, !kinds.contains(.jsonLines) {
            throw Fault(
                .usage, "none of the files has records", place: "--text-field", found: field,
                expected: "a .jsonl, .ndjson or .json file", advice: "leave --text-field out")
        }
        // A token file needs no tokenizer, and its folder may have none; where it has one, it tells the words.
        let tokenizer =
            kinds.isDisjoint(with: [.text, .jsonLines])
            ? model.tokenizerIfUsable(
                reporter,
                otherwise: "text of the model's own begins with any token and has no ends, so overlaps are counted in "
                    + "tokens instead of words")
            : try model.tokenizer()
        let special = try tokenizer.map { (tokenizer) throws(Fault) in
            try model.specialTokens(tokenizer)
        }
        return try CalibrationBuilder(
            request, tokenizer: CalibrationTokenizer(tokenizer: tokenizer, special: special),
            chat: try model.chatTemplate(),
            sampler: DenseSampler(
                model: model, special: special, engine: engine, temperature: settings.temperature ?? 1,
                reporter: reporter)
        ).build()
    }
}

/// What calibration needs of the model's tokenizer.
private struct CalibrationTokenizer: TextTokenizer {
    let tokenizer: Tokenizer?
    let special: SpecialTokens?

    var beginningToken: Int32? { special?.prefix.first }
    var rowBeginning: Int32? { special?.isPrefixRequired == true ? special?.prefix.first : nil }
    var endToken: Int32? { special?.firstEnd }

    func encode(_ text: String) throws(Fault) -> [Int32] {
        tokenizer?.encode(text, addSpecialTokens: false) ?? []
    }

    func encode(_ text: String, take: ([Int32]) -> Void) throws(Fault) {
        var encoder = tokenizer?.makeEncoder()
        encoder?.encode(text, take: take)
    }

    func text(of tokens: ArraySlice<Int32>) -> String? { tokenizer?.decode(tokens, skipSpecialTokens: true) }
}

/// Writes calibration text with the dense model.
private struct DenseSampler: SelfSampler {
    let model: OpenedModel
    let special: SpecialTokens?
    let engine: EngineSettings
    let temperature: Double
    let reporter: any Reporter

    func documents(tokenCount: Int, sequenceLength: Int, seed: UInt64) throws(Fault) -> [[Int32]] {
        reporter.begin("sampling calibration text", total: 1)
        defer { reporter.finish() }
        return try BatchSampling.sample(
            model.decoder, count: (tokenCount + sequenceLength - 1) / sequenceLength, length: sequenceLength,
            temperature: temperature, seed: seed, start: special?.beginning, endTokens: special?.end ?? [],
            dtype: engine.dtype
        ) { reporter.update($0) }
    }
}
