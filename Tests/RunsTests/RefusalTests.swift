import Checkpoints
import Decoders
import Faults
import Foundation
import Recipes
import RunSupport
import TestSupport
import Testing

@testable import Runs

@Suite("What a run refuses before it works")
struct RefusalTests {
    @Test("an output that exists; with --overwrite the old one is moved aside")
    func exists() throws {
        let bench = try Bench()
        try bench.prune("out") { $0.method = "magnitude" }
        let before = try bench.files("out")
        let found = try #require(fault { try bench.prune("out") { $0.method = "magnitude" } })
        #expect(found.kind == .outputExists && found.exitCode == 73)
        try bench.prune("out") {
            $0.method = "magnitude"
            $0.sparsity = try? Sparsity(0.25)
            $0.overwrite = true
        }
        #expect(try bench.files("out.previous-1") == before)
    }

    @Test("a search whose text gives one sample is refused: it has none to measure on", arguments: [true, false])
    func oneSample(isStructural: Bool) throws {
        let bench = try Bench(tokens: Bench.rows(1))
        let settings = try bench.settings("out") {
            if isStructural { $0.method = "tyr" } else { $0.allocation = .search }
        }
        let found = try #require(fault { _ = try PruneRun(try bench.context(settings)).start() })
        #expect(found.exitCode == 64 && found.expected == "at least 2" && found.found == "1 calibration sample")
        #expect(!bench.exists("out.partial") && !bench.exists("out"))
    }

    @Test("walks without calibration text are refused", arguments: ["wanda", "tyr"])
    func noText(method: String) throws {
        let bench = try Bench()
        let settings = try bench.settings("out") { $0.method = method }
        let decoder = try Decoder(try Checkpoint.open(settings.model))
        let found = fault { _ = try PruneContext(settings, decoder: decoder, compute: .float32, calibration: nil) }
        #expect(found?.exitCode == 64 && found?.summary == "\(method) needs calibration text")
    }

    @Test("a second run on the same output while the first is going")
    func twoRuns() throws {
        let bench = try Bench()
        var second: Fault?
        try bench.prune("out") {
            $0.method = "wanda"
        } events: { event in
            guard case .finished = event, second == nil else { return }
            second = fault { try bench.prune("out") { $0.method = "wanda" } }
        }
        #expect(second?.exitCode == 73)
        #expect(second?.found?.contains("process") == true)
        #expect(bench.exists("out/COMPLETE.json"))
    }

    @Test("an output that is the model, lies inside it, or holds it")
    func overlap() throws {
        let bench = try Bench()
        let before = try bench.filesOfModel()
        for output in [bench.model.path, bench.model.path + "/out", bench.model.path + "/../"] {
            let found = fault {
                try bench.prune("out") {
                    $0.method = "magnitude"
                    $0.output = output
                    $0.overwrite = true
                }
            }
            #expect(found?.exitCode == 64, "\(output)")
        }
        #expect(try bench.filesOfModel() == before)
    }

    @Test("an output whose parent cannot be written or does not exist")
    func parents() throws {
        let bench = try Bench()
        // No permission stops the superuser; a file where a folder should be, and a kernel's folder, do.
        try bench.work.write("file", "")
        for output in [bench.path("file/out"), bench.path("nowhere/out"), "/proc/out"] {
            let found = fault {
                try bench.prune("out") {
                    $0.method = "magnitude"
                    $0.output = output
                }
            }
            #expect(found?.exitCode == 74, "\(output)")
        }
    }

    @Test("a K:M pattern that does not divide the columns, naming the layer")
    func indivisible() throws {
        let bench = try Bench { $0.intermediate = 20 }
        let found = try #require(fault { _ = try bench.context("out") { $0.pattern = .keep(4, of: 8) } })
        #expect(found.exitCode == 64 && found.place == "model.layers.0.mlp.down_proj")
        let result = try bench.prune("out") {
            $0.method = "wanda"
            $0.pattern = .keep(4, of: 8)
            $0.ignore = ["down"]
        }
        #expect(result.achieved == 0.5)
    }

    @Test("expressions that match nothing, or only what is never pruned", arguments: ["nothing", "lm_head", "embed"])
    func noTargets(expression: String) throws {
        let bench = try Bench()
        let found = try #require(fault { _ = try bench.context("out") { $0.targets = [expression] } })
        #expect(found.exitCode == 64 && found.found == expression)
        let ignored = fault {
            _ = try bench.context("out") {
                $0.targets = ["mlp"]
                $0.ignore = ["proj"]
            }
        }
        #expect(ignored?.exitCode == 64)
    }

    @Test("layers that are not there, all layers, and layers that are skipped where all are alike")
    func skippedLayers() throws {
        let bench = try Bench { $0.layers = 2 }
        for (list, found) in [("2", "2"), ("-3", "-3"), ("0,-1", "0,-1")] {
            for method in ["wanda", "tyr"] {
                let fault = fault {
                    _ = try bench.context("out") {
                        $0.method = method
                        $0.skippedLayers = try? LayerList(parsing: list)
                    }
                }
                #expect(fault?.exitCode == 64 && fault?.place == "--skip-layers" && fault?.found == found)
            }
        }
        let alike = fault {
            _ = try bench.context("out") {
                ($0.method, $0.isUniform) = ("tyr", true)
                $0.skippedLayers = try? LayerList(parsing: "0")
            }
        }
        #expect(alike?.exitCode == 64 && alike?.found == "skip_layers with uniform")
    }

    @Test("weights that are not numbers, naming the tensor", arguments: [Float.nan, .infinity])
    func notNumbers(value: Float) throws {
        let bench = try Bench { tiny in
            tiny.edit = { name, values in if name == "model.layers.1.self_attn.v_proj.weight" { values[3] = value } }
        }
        for arm in Arm.allCases {
            let found = try #require(fault { try bench.prune("out-\(arm)") { arm.apply(to: &$0) } })
            #expect(found.exitCode == 65)
            #expect(found.place?.contains("model.layers.1.self_attn.v_proj.weight") == true)
            #expect(!bench.exists("out-\(arm)"))
        }
    }

    @Test("activations that are not numbers are a fault, not a mask by chance")
    func overflowingActivations() throws {
        let bench = try Bench { tiny in
            tiny.edit = { name, values in if name.hasSuffix("0.mlp.up_proj.weight") { values[3] = 3e38 } }
        }
        let found = try #require(fault { try bench.prune("out") { $0.method = "wanda" } })
        #expect(found.exitCode == 65 && found.place?.contains("block") == true)
    }

    @Test("few calibration tokens are a warning with both numbers, and still give a result")
    func fewTokens() throws {
        let bench = try Bench(tokens: Bench.rows(2, 4))
        let context = try bench.context("out") {
            $0.method = "sparsegpt"
            $0.samples = 2
        }
        #expect(context.warnings.contains { $0.contains("8 calibration tokens") && $0.contains("24 columns") })
        #expect(try PruneRun(context).start().achieved > 0.4)
    }

    @Test("a model that changes while it is pruned is not published")
    func changingModel() throws {
        let bench = try Bench()
        let found = fault {
            try bench.prune("out") {
                $0.method = "wanda"
            } events: { event in
                guard case .note("writing the checkpoint") = event else { return }
                let file = URL(fileURLWithPath: bench.model.path + "/model.safetensors")
                if let bytes = try? Data(contentsOf: file) { try? (bytes + [0]).write(to: file) }
            }
        }
        #expect(found?.exitCode == 74)
        #expect(!bench.exists("out"))
    }
}
