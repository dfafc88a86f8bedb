import Evaluation
import Faults
import Gate
import JSONText

/// What `generate --golden` does, apart from its command line: a model answers the golden prompts that `gate` compares.
public struct GoldenRun {
    public var model: String
    /// The file of golden prompts; answers that it holds are replaced.
    public var golden: String
    /// New tokens of each answer at most.
    public var maxTokens: Int
    public var engine: EngineSettings

    public init(model: String, golden: String, maxTokens: Int, engine: EngineSettings) {
        self.model = model
        self.golden = golden
        self.maxTokens = maxTokens
        self.engine = engine
    }

    /// The golden prompts with the model's answers, the likeliest token at a time.
    ///
    /// - Throws: `missingInput` and `badData` for the files; `badData` for a prompt that does not fit the model.
    public func answers(_ reporter: any Reporter) throws(Fault) -> GoldenAnswers {
        var golden = try GoldenAnswers(parsing: ReadableFile.bytes(golden), file: golden)
        guard !golden.questions.isEmpty else { throw GoldenRun.empty(self.golden) }
        let session = try GenerationSession(
            model: model, prompts: golden.questions, maxTokens: maxTokens, sampling: .greedy, engine: engine, reporter)
        reporter.begin("answering", total: Double(golden.questions.count), unit: "prompts")
        for index in golden.questions.indices {
            golden.answer(index, try session.continuation(of: index, reporter).text)
            reporter.update(Double(index + 1))
        }
        reporter.finish()
        return golden
    }

    static func empty(_ file: String) -> Fault {
        Fault(
            .badData, "there are no golden prompts", file: file, place: "prompts", found: "an empty list",
            expected: "at least one prompt")
    }
}
