import Faults

/// What calibration text a run wants, and what its model can take.
public struct CalibrationRequest: Sendable {
    public var sources: [CalibrationSource]
    public var samples: Int
    /// Tokens per sample; nil where the user named none: then the token files' own length, or `textLength`.
    public var sequenceLength: Int?
    public var textLength = CalibrationRequest.defaultLength
    public var seed: UInt64
    /// The longest sequence that the model takes, in tokens.
    public var contextLength: Int
    /// Ids must be below it.
    public var vocabularySize: Int
    /// Wrong records of each .jsonl file that are left out; one more is an error.
    public var skippedLines: Int
    /// The only key of .jsonl files that is read; nil reads the usual forms.
    public var textField: String?
    /// Files that the pruned model is to be evaluated on: the calibration text should not hold what they do.
    public var evaluation: [String]
    /// Whether it is told which tokens are an assistant's, for a loss that counts these alone.
    public var marksReplies = false

    public static let defaultLength = 2048

    /// - Throws: `Fault` of kind `usage` for a length that was asked for and is beyond the model's context: what a
    ///   model says where it was never trained is no measure of its weights.
    public static func check(sequenceLength: Int?, contextLength: Int) throws(Fault) {
        guard let sequenceLength, sequenceLength > contextLength else { return }
        throw Fault(
            .usage, "the calibration sequences are longer than the model's context", place: "--sequence-length",
            found: CountText.of(sequenceLength, "token"), expected: "at most \(CountText.of(contextLength))",
            advice: "leave --sequence-length out, or calibration.sequence_length of the recipe")
    }

    public init(
        sources: [CalibrationSource], samples: Int = 128, sequenceLength: Int? = nil, seed: UInt64 = 0,
        contextLength: Int, vocabularySize: Int, skippedLines: Int = 0, textField: String? = nil,
        evaluation: [String] = []
    ) {
        self.sources = sources
        self.samples = samples
        self.sequenceLength = sequenceLength
        self.seed = seed
        self.contextLength = contextLength
        self.vocabularySize = vocabularySize
        self.skippedLines = skippedLines
        self.textField = textField
        self.evaluation = evaluation
    }
}

/// Text that the dense model writes, for calibration without data.
public protocol SelfSampler {
    /// Documents of tokens, at least `tokenCount` in all, the separators that the model expects included; the same for
    /// the same seed.
    func documents(tokenCount: Int, sequenceLength: Int, seed: UInt64) throws(Fault) -> [[Int32]]

    /// Writes what follows prompts, to its end or until prompt and answer have `length` tokens; the same for the same
    /// seed.
    ///
    /// - Parameters:
    ///   - prompt: the next prompt's tokens, at least one and fewer than `length`; nil after the last.
    ///   - take: receives a prompt with its answer, and the answer's place; it tells the share of what is wanted that
    ///     is there, and 1 ends the writing.
    func answers(
        length: Int, seed: UInt64, prompt: () throws(Fault) -> [Int32]?, take: ([Int32], Int) -> Double
    ) throws(Fault)
}
