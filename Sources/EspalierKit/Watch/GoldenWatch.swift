import Checkpoints
import Faults
import Gate
import JSONText
import Watch

/// Golden prompts that a watched model is asked at every interval.
public struct GoldenWatch: Equatable, Sendable {
    /// A JSON file, as for `gate` and `generate`; answers that it holds are not looked at.
    public var file: String
    /// New tokens of each answer at most.
    public var maxTokens: Int

    public static let defaultTokens = 128
    /// How answers are compared where a prompt does not say it: a model writes on after the answer.
    static let usualMatch = GoldenAnswers.Match.contains

    public init(file: String, maxTokens: Int = GoldenWatch.defaultTokens) {
        self.file = file
        self.maxTokens = maxTokens
    }

    /// The prompts, whose expected texts are tried before anything is asked.
    ///
    /// - Throws: `missingInput` and `badData` for the file.
    func read() throws(Fault) -> GoldenAnswers {
        let golden = try GoldenAnswers(parsing: ReadableFile.bytes(file), file: file)
        guard !golden.questions.isEmpty else { throw GoldenRun.empty(file) }
        _ = try golden.broken(usual: GoldenWatch.usualMatch)
        return golden
    }

    /// What the history keeps; all prompts count as answered wrongly until they are answered.
    func record(_ golden: GoldenAnswers) throws(Fault) -> WatchInterval.Golden {
        let identity = JSONValue.array([golden.identity(usual: GoldenWatch.usualMatch), .integer(maxTokens)])
        return .init(
            digest: textDigest(identity.text(pretty: false)), prompts: golden.questions.count,
            failed: try golden.broken(usual: GoldenWatch.usualMatch).map { .init(number: $0.index + 1, name: $0.name) })
    }
}
