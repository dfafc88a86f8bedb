import Endpoint
import Faults
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// What suites about servers share: a model with a text, and a server on this machine that computes with its files.
protocol ServedSuite {
    var folder: TemporaryFolder { get }
    /// A text in the folder.
    var text: String { get }
}

extension ServedSuite {
    static func made() throws -> (TemporaryFolder, String) {
        let folder = try model()
        let text = String(repeating: "Now is the winter of our discontent made glorious summer. ", count: 4)
        return (folder, try folder.write("text.txt", text))
    }

    func settings(_ server: LoopbackServer, timeout: Double = 60) throws -> EndpointSettings {
        EndpointSettings(
            address: try EndpointAddress(server.url), timeout: timeout, retry: RetryPolicy(attempts: 1, pause: 0.01))
    }

    func served(
        _ model: ServedModel, _ change: (inout ServedEvaluationRun) -> Void = { _ in }
    ) throws -> (report: EvaluationReport, requests: Int) {
        let server = try model.start()
        defer { server.end() }
        var run = ServedEvaluationRun(
            endpoint: try settings(server), tokenizer: folder.path, files: [.text(text)], context: 48)
        change(&run)
        return (try run.measure(quiet), server.requests.count)
    }

    func own(_ change: (inout EvaluationRun) -> Void = { _ in }) throws -> EvaluationReport {
        var run = EvaluationRun(
            model: folder.path, files: [.text(text)], context: 48,
            engine: try EngineSettings(threads: 1, device: .cpu, dtype: .float32))
        change(&run)
        return try run.measure(quiet)
    }

    func fault(_ body: () throws -> Void) -> Fault? { #expect(throws: Fault.self) { try body() } }
}
