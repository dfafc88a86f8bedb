import Checkpoints
import Decoders
import Evaluation
import JSONText
import Recipes
import RunSupport
import TestSupport
import Testing
import Torch

@testable import Runs

/// A family whose block is not Llama's goes through every method as Llama does.
@Suite("Gemma")
struct GemmaTests {
    private func bench(_ change: (inout TinyModel) -> Void = { _ in }) throws -> Bench {
        try Bench {
            $0.isGemma = true
            change(&$0)
        }
    }

    /// What a model predicts, by its loss on tokens.
    @Test("weights go, everything else stays", arguments: ["magnitude", "wanda", "sparsegpt", "wanda++"])
    func weights(method: String) throws {
        let bench = try bench()
        let result = try bench.prune("out") {
            $0.method = method
            $0.sparsity = try? Sparsity(0.5)
        }
        #expect(abs(result.achieved - 0.5) < 0.01)
        let (source, found) = (try Checkpoint.open(bench.model.path), try Checkpoint.open(bench.path("out")))
        #expect(found.configuration == source.configuration)
        for (name, _) in try Decoder(source).expectedTensors where name.contains("norm") || name.contains("embed") {
            #expect(try found.floats(name) == source.floats(name), "\(name)")
        }
        for linear in LinearName.ofLlama {
            let matrix = try Matrix(found, linear.weightName(layer: 1))
            #expect(abs(Double(matrix.zeros) / Double(matrix.values.count) - 0.5) < 0.1, "\(linear.rawValue)")
        }
        #expect(try loss(bench.path("out")).isFinite)
    }

    @Test("a searched allocation reaches its target")
    func allocation() throws {
        let result = try bench().prune("out") {
            $0.method = "wanda"
            $0.allocation = .search
            $0.sparsity = try? Sparsity(0.5)
        }
        #expect(abs(result.achieved - 0.5) < 0.03)
    }

    @Test("heads and neurons go, and what is published is what was searched")
    func structure() throws {
        let bench = try bench { $0.layers = 3 }
        let result = try bench.prune("out") {
            $0.method = "tyr"
            $0.effort = .quick
            $0.sparsity = try? Sparsity(0.3)
        }
        let decoder = try Decoder(try Checkpoint.open(bench.path("out")))
        #expect(decoder.configuration.layers == result.structure?.layers && result.achieved >= 0.3)
        #expect(decoder.configuration.family == Family.all.first { $0.name == "gemma3_text" })
        #expect(decoder.configuration.windows == [8, nil, 8])
        #expect(try loss(bench.path("out")).isFinite)
    }

    @Test("uniform layers make a plain Gemma")
    func uniform() throws {
        let bench = try bench { $0.layers = 3 }
        let result = try bench.prune("out") {
            $0.method = "tyr"
            $0.effort = .quick
            $0.isUniform = true
            $0.sparsity = try? Sparsity(0.3)
        }
        let json = try Checkpoint.open(bench.path("out")).configuration
        #expect(result.structure?.isPlain == true && json["model_type"]?.stringValue == "gemma3_text")
        #expect(json["layer_types"]?.arrayValue?.count == 3 && json["head_dim"]?.integerValue == 4)
        #expect(try loss(bench.path("out")).isFinite)
    }

    /// Three of four heads do not divide 16, and transformers would not open the folder.
    @Test("heads of a plain Gemma divide the hidden size", arguments: [0.1, 0.2, 0.3, 0.45])
    func heads(sparsity: Double) throws {
        let bench = try bench { ($0.layers, $0.keyValueHeads) = (2, 1) }
        _ = try bench.prune("out") {
            $0.method = "tyr"
            $0.effort = .quick
            $0.isUniform = true
            $0.sparsity = try? Sparsity(sparsity)
        }
        let json = try Checkpoint.open(bench.path("out")).configuration
        let (hidden, heads) = (json["hidden_size"]?.integerValue ?? 0, json["num_attention_heads"]?.integerValue ?? 0)
        #expect(heads > 0 && hidden.isMultiple(of: heads))
    }

    @Test("an expert's linears are named, and no configuration has any")
    func experts() {
        let names = LinearName.expert(3)
        #expect(names.map(\.rawValue) == ["experts.3.gate", "experts.3.up", "experts.3.down"])
        #expect(names.map { LinearName(rawValue: $0.rawValue) } == names)
        #expect(names[2].weightName(layer: 1) == "model.layers.1.mlp.experts.3.down_proj.weight")
        #expect(names[0].projection.linears == Array(names.prefix(2)) && names[0].projection != .gateUp)
        for wrong in ["", "x", "experts.3.q", "experts.03.up", "experts.-1.up", "experts.up", "q.q"] {
            #expect(LinearName(rawValue: wrong) == nil, "\(wrong)")
        }
    }
}
