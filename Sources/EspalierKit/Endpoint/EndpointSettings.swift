import Endpoint
import Faults
import Foundation
import JSONText

/// A server that is asked in place of Espalier's own engine.
public struct EndpointSettings: Sendable {
    public var address: EndpointAddress
    /// The model's name there; nil takes the only one.
    public var model: String?
    /// From the environment.
    public var key: APIKey?
    /// Seconds for each request.
    public var timeout: Double
    /// Requests on their way together.
    public var concurrency: Int
    /// When a request is made again.
    public var retry: RetryPolicy

    public static let defaultTimeout = 600.0
    public static let defaultConcurrency = 4

    public init(
        address: EndpointAddress, model: String? = nil, key: APIKey? = nil,
        timeout: Double = EndpointSettings.defaultTimeout, concurrency: Int = EndpointSettings.defaultConcurrency,
        retry: RetryPolicy = RetryPolicy()
    ) {
        self.address = address
        self.model = model
        self.key = key
        self.timeout = timeout
        self.concurrency = concurrency
        self.retry = retry
    }

    /// Asks the server what it is.
    ///
    /// - Throws: as `EndpointServer`.
    func connect(_ reporter: any Reporter) throws(Fault) -> EndpointServer {
        let client = EndpointClient(
            address, key: key, limits: .init(connect: min(10, timeout), total: timeout), retry: retry)
        client.warnings.forEach(reporter.warning)
        let server = try EndpointServer(client, model: model)
        reporter.note(
            "\(address.base): the model \(server.model)" + (server.version.map { ", served by \($0)" } ?? ""))
        return server
    }

    /// What a result of this server depends on besides its inputs.
    static func environment(_ server: EndpointServer) -> JSONValue {
        .object(["espalier": .string(EspalierVersion.number), "endpoint": server.json])
    }

    /// Tells of requests that had to be made again.
    static func tellRepeats(_ server: EndpointServer, _ reporter: any Reporter) {
        guard let repeats = server.client.repeats else { return }
        reporter.warning(
            "\(server.client.address.base): \(Amount.count(repeats.count, "request was", "requests were")) repeated; "
                + "the last because of: \(repeats.reason)")
    }
}
