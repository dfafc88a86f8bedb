import Checkpoints
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// What suites about GGUF files share: small models, and what is done with them.
protocol ExportSuite {}

extension ExportSuite {
    var text: String { String(repeating: "The quick brown fox jumps over the lazy dog, 12 times. ", count: 40) }

    func export(
        _ model: String, _ output: String, _ type: String? = nil, importance: GGUFExport.Importance = .equal,
        importanceOutput: String? = nil, overwrites: Bool = false
    ) throws -> GGUFExportReport {
        let types = try type.map { try #require(GGUFTypes.named($0)) }
        return try GGUFExport(
            model: model, output: output, types: types, importance: importance, importanceOutput: importanceOutput,
            overwrites: overwrites
        ).write(quiet)
    }

    func perplexity(_ model: String, _ file: String) throws -> Double {
        let engine = try EngineSettings(threads: 1, device: .cpu, dtype: .float32)
        let report = try EvaluationRun(model: model, files: [.text(file)], context: 32, windows: 20, engine: engine)
            .measure(quiet)
        return try #require(report.files.first).measurement.perplexity
    }

    /// A model with rows of whole blocks.
    func wide() throws -> TemporaryFolder {
        try model {
            ($0.hidden, $0.intermediate, $0.heads, $0.keyValueHeads, $0.tied) = (32, 64, 4, 2, false)
        }
    }

    func superBlocks() throws -> TemporaryFolder {
        try model {
            ($0.hidden, $0.intermediate, $0.heads, $0.keyValueHeads) = (256, 256, 4, 2)
        }
    }
}
