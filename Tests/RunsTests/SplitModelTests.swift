import Checkpoints
import Faults
import Foundation
import JSONText
import Recipes
import RunSupport
import TestSupport
import Testing

@testable import Runs

/// Runs on a GGUF model in several files.
struct SplitModelTests {
    private func bench() throws -> (Bench, [String], whole: String) {
        let bench = try Bench()
        var model = TinyGGUF()
        model.keys = [("tokenizer.ggml.eot_token_id", .natural(UInt32(TinyGGUF.turn)))]
        let whole = try model.write(to: bench.model)[0]
        model.tensorsPerPart = 8
        return (bench, try model.write(to: bench.model, "parts"), whole)
    }

    @Test func partsGiveTheBytesOfTheWhole() throws {
        let (bench, parts, whole) = try bench()
        #expect(parts.count == 3)
        for (output, model) in [("whole", whole), ("first", parts[0]), ("last", parts[2])] {
            try bench.prune(output) {
                $0.model = model
                $0.method = "wanda"
            }
        }
        for name in ["model.safetensors", "config.json", "tokenizer.json", "generation_config.json"] {
            let expected = try bench.files("whole")[name]
            #expect(expected != nil)
            for output in ["first", "last"] { #expect(try bench.files(output)[name] == expected, "\(name)") }
        }
        let generation = try #require(try bench.files("whole")["generation_config.json"])
        let ends = try JSONValue(parsing: Array(generation)).objectValue?["eos_token_id"]
        #expect(ends == .array([.integer(TinyGGUF.end), .integer(TinyGGUF.turn)]))
    }

    @Test func everyPartCountsForWhatTheModelIs() throws {
        let (bench, parts, _) = try bench()
        let fingerprints = try parts.map { try Fingerprint.of(try Checkpoint.open($0)) }
        #expect(Set(fingerprints).count == 1)
        var model = TinyGGUF()
        model.tensorsPerPart = 8
        model.keys = [("tokenizer.ggml.eot_token_id", .natural(UInt32(TinyGGUF.turn)))]
        model.edit = { name, values in if name == "blk.1.ffn_down.weight" { values[0] += 1 } }
        try model.write(to: bench.model, "parts")
        #expect(try Fingerprint.of(try Checkpoint.open(parts[0])) != fingerprints[0])
    }

    @Test func anInterruptedRunGoesOnFromParts() throws {
        let (bench, parts, _) = try bench()
        let recipe: (inout PruneRecipe) -> Void = {
            $0.model = parts[1]
            $0.method = "wanda"
        }
        try bench.prune("out", recipe) { event in
            if case .finished = event, !bench.exists("copy") { try? bench.copy("out.partial", to: "copy") }
        }
        let expected = try bench.files("out")["model.safetensors"]
        bench.remove("out")
        try bench.copy("copy", to: "out.partial")
        try bench.resume("out")
        #expect(try bench.files("out")["model.safetensors"] == expected)
    }
}
