import ArgumentParser
import EspalierKit
import Faults

/// How a server is made to score tokens.
public struct ScoringOptions: ParsableArguments {
    @OptionGroup public var server: EndpointOptions

    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --endpoint: a Hugging Face folder or a .gguf file with the tokenizer of the served model; its weights "
                + "are not read.", valueName: "model"), completion: .model)
    public var tokenizer: String?

    @Option(
        name: .long,
        help: ArgumentHelp("With --endpoint: number of requests at a time (default: 4).", valueName: "n"))
    public var concurrency: Int?

    public init() {}

    public mutating func validate() throws {
        if let concurrency, !(1...256).contains(concurrency) {
            throw ValidationError("--concurrency must be between 1 and 256, not \(concurrency).")
        }
    }

    /// - Returns: nil without `--endpoint`.
    /// - Throws: as `EndpointOptions.settings`.
    func settings() throws(Fault) -> EndpointSettings? {
        try server.settings(concurrency: concurrency ?? EndpointSettings.defaultConcurrency)
    }

    /// Whether a model or a server is named, and what belongs to it.
    func check(_ model: String?) throws {
        try server.check(model)
        guard server.endpoint != nil else {
            for (name, isGiven) in [("--tokenizer", tokenizer != nil), ("--concurrency", concurrency != nil)]
            where isGiven {
                throw ValidationError("\(name) applies to a server: give --endpoint URL.")
            }
            return
        }
        guard tokenizer != nil else {
            throw ValidationError("--endpoint needs --tokenizer MODEL, with the tokenizer of the served model.")
        }
    }
}
