import ArgumentParser
import EspalierKit

/// Which prompts two models are compared on.
public struct PromptOptions: ParsableArguments {
    @Option(
        name: .customLong("prompts"), parsing: .singleValue,
        help: ArgumentHelp(
            "A log of prompts, one JSON object per line, on which the two models are compared; may be given again.",
            valueName: "file"), completion: .texts)
    public var files: [String] = []

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Shows both models' continuations of this many prompts, those with the largest divergence (default: 10).",
            valueName: "n"))
    public var differences: Int?

    @Option(
        name: .long,
        help: ArgumentHelp("Maximum number of new tokens in a continuation (default: 64).", valueName: "n"))
    public var continuation: Int?

    public init() {}

    public mutating func validate() throws {
        if let differences, !(0...1_000_000).contains(differences) {
            throw ValidationError("--differences must be between 0 and 1000000, not \(differences).")
        }
        if let continuation, !(1...1_048_576).contains(continuation) {
            throw ValidationError("--continuation must be between 1 and 1048576, not \(continuation).")
        }
        if files.isEmpty {
            let used = [("--differences", differences != nil), ("--continuation", continuation != nil)]
            if let (option, _) = used.first(where: \.1) {
                throw ValidationError("\(option) applies to prompts only: give --prompts FILE.")
            }
        }
        guard differences != 0 || continuation == nil else {
            throw ValidationError("--continuation has no effect with --differences 0: no prompt is continued.")
        }
    }

    var settings: PromptSettings {
        PromptSettings(
            files: files, differences: differences ?? PromptSettings.defaultDifferences,
            continuation: continuation ?? PromptSettings.defaultContinuation)
    }
}
