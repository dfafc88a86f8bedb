import ArgumentParser
import Endpoint
import EspalierKit
import Faults
import Foundation

/// A server that is measured in place of a model's files.
public struct EndpointOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The URL of an OpenAI-compatible server, to measure what it serves instead of a model's files.",
            valueName: "url"))
    public var endpoint: String?

    @Option(
        name: .customLong("model"),
        help: ArgumentHelp("The model's name on the server (default: the only one that it has).", valueName: "name"),
        completion: .default)
    public var servedModel: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Maximum number of seconds for each request to the server (default: 600).", valueName: "s"))
    public var timeout: Double?

    public init() {}

    public mutating func validate() throws {
        if let timeout, !(timeout >= 0.1 && timeout <= 86_400) {
            throw ValidationError("--timeout must be between 0.1 and 86400 seconds, not \(timeout).")
        }
        guard endpoint == nil else { return }
        for (name, isGiven) in [("--model", servedModel != nil), ("--timeout", timeout != nil)] where isGiven {
            throw ValidationError("\(name) applies to a server: give --endpoint URL.")
        }
    }

    /// - Parameters:
    ///   - url: of the server; nil is `--endpoint`.
    ///   - concurrency: requests on their way together.
    /// - Returns: nil without `--endpoint`.
    /// - Throws: `usage` for a URL or a key that cannot be used.
    func settings(
        _ url: String? = nil, concurrency: Int = EndpointSettings.defaultConcurrency
    ) throws(Fault) -> EndpointSettings? {
        guard let text = url ?? endpoint else { return nil }
        return EndpointSettings(
            address: try EndpointAddress(text), model: servedModel,
            key: try APIKey(environment: ProcessInfo.processInfo.environment),
            timeout: timeout ?? EndpointSettings.defaultTimeout, concurrency: concurrency)
    }

    /// Whether a model or a server is named, and not both.
    func check(_ model: String?) throws {
        guard (model == nil) != (endpoint == nil) else {
            throw ValidationError(
                model == nil
                    ? "Name a model, or give --endpoint URL to measure a server."
                    : "Give MODEL or --endpoint, not both.")
        }
    }
}

extension EngineOptions {
    /// - Throws: for options of an engine that computes nothing here.
    func refuseForEndpoint() throws {
        for (name, isGiven) in [
            ("--threads", threads != nil), ("--device", device != .auto), ("--dtype", dtype != .auto),
        ] where isGiven {
            throw ValidationError("\(name) is for Espalier's own engine; with --endpoint the server computes.")
        }
    }
}
