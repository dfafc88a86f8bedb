import Calibration
import Evaluation
import Faults
import Recipes
import Tokenization

/// Calibration text as a command asks for it, and how it is read for a model.
struct CalibrationReading {
    private let sources: [CalibrationSource]
    private let samples: Int
    private let sequenceLength: Int?
    private let seed: UInt64
    private var textLength = CalibrationRequest.defaultLength
    private var temperature = 1.0
    private var skippedLines = 0
    private var textField: String?
    private var evaluation: [String] = []
    private var marksReplies = false

    /// - Parameter texts: as `--calibration` takes them.
    /// - Throws: `usage` for what is no source.
    init(_ texts: [String], samples: Int, sequenceLength: Int?, seed: UInt64) throws(Fault) {
        var sources: [CalibrationSource] = []
        for text in texts { sources.append(try CalibrationSource(parsing: text)) }
        self.sources = sources
        (self.samples, self.sequenceLength, self.seed) = (samples, sequenceLength, seed)
    }

    /// Nil for settings without calibration text.
    init?(_ settings: PruneSettings) throws(Fault) {
        guard !settings.calibration.isEmpty else { return nil }
        try self.init(
            settings.calibration, samples: settings.samples, sequenceLength: settings.sequenceLength,
            seed: settings.seed)
        temperature = settings.temperature ?? 1
        skippedLines = settings.skippedLines
        textField = settings.textField
        evaluation = settings.evaluation
    }

    init(_ settings: RecoverSettings) throws(Fault) {
        try self.init(
            settings.calibration, samples: settings.samples, sequenceLength: settings.sequenceLength,
            seed: settings.seed)
        textLength = RecoverSettings.defaultSequenceLength
        temperature = settings.temperature ?? 1
        skippedLines = settings.skippedLines
        textField = settings.textField
        evaluation = settings.evaluation
        marksReplies = settings.turns == .assistant
    }

    /// - Throws: `usage`, `missingInput` or `badData` for a text that the model cannot be calibrated with.
    func read(
        _ model: OpenedModel, _ engine: EngineSettings, _ reporter: any Reporter
    ) throws(Fault) -> CalibrationSet {
        var request = CalibrationRequest(
            sources: sources, samples: samples, sequenceLength: sequenceLength, seed: seed,
            contextLength: model.configuration.contextLength, vocabularySize: model.configuration.vocabularySize,
            skippedLines: skippedLines, textField: textField, evaluation: evaluation)
        request.textLength = textLength
        request.marksReplies = marksReplies
        var kinds: Set<CalibrationSource.FileKind> = []
        for source in sources {
            switch source {
            case .file(_, let kind, _): kinds.insert(kind)
            case .selfAnswered: kinds.insert(.jsonLines)
            case .selfSampled: break
            }
        }
        if skippedLines > 0, !kinds.contains(.jsonLines) {
            throw Fault(
                .usage, "none of the calibration files has records", place: "--skip-bad-lines",
                found: "\(skippedLines)", expected: "a .jsonl, .ndjson or .json file",
                advice: "leave --skip-bad-lines out")
        }
        if marksReplies, !kinds.contains(.jsonLines) {
            throw Fault(
                .usage, "none of the calibration files has conversations", place: "--turns", found: "assistant",
                expected: "a .jsonl, .ndjson or .json file",
                advice: "leave --turns out: texts without turns count as a whole")
        }
        for path in evaluation { kinds.insert(try CalibrationSource.kind(of: path)) }
        if let field = textField, !kinds.contains(.jsonLines) {
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
                model: model, special: special, engine: engine, temperature: temperature,
                reporter: reporter)
        ).build()
    }
}

extension RecoverSettings {
    /// The models and texts that a run reads.
    ///
    /// - Throws: `usage` for what is no source of text.
    public func inputs() throws(Fault) -> [String] {
        var inputs = [model] + (teacher.map { [$0] } ?? [])
        for source in calibration {
            if let path = try CalibrationSource(parsing: source).path { inputs.append(path) }
        }
        return inputs
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

    func encode(
        _ text: String, marking marked: [Range<Int>]
    ) throws(Fault) -> (tokens: [Int32], isMarked: [Bool])? {
        var encoder = tokenizer?.makeEncoder()
        return encoder?.encode(text, marking: marked).map { ($0.ids, $0.isMarked) }
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

    func answers(
        length: Int, seed: UInt64, prompt: () throws(Fault) -> [Int32]?, take: ([Int32], Int) -> Double
    ) throws(Fault) {
        reporter.begin("answering prompts", total: 1)
        defer { reporter.finish() }
        try BatchSampling.answers(
            model.decoder, length: length, temperature: temperature, seed: seed, endTokens: special?.end ?? [],
            dtype: engine.dtype, prompt: prompt
        ) { tokens, start in
            let share = take(tokens, start)
            reporter.update(min(1, share))
            return share < 1
        }
    }
}
