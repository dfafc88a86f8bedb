import Checkpoints
import Decoders
import Faults
import Foundation
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

@Suite("Export with the sizes of inputs")
struct ExportImportanceTests: ExportSuite {
    @Test("inputs that are measured, or read, make the errors that count smaller")
    func importance() throws {
        let (folder, work) = (try superBlocks(), try TemporaryFolder())
        let file = try work.write("t.txt", text)
        let matrix = work.path("imatrix.gguf")
        let source = GGUFExport.Importance.calibration([file], samples: 2, sequenceLength: 16, seed: 0)
        let measured = try export(
            folder.path, work.path("a.gguf"), "Q4_K", importance: source, importanceOutput: matrix)
        let read = try export(folder.path, work.path("b.gguf"), "Q4_K", importance: .file(matrix))
        let plain = try export(folder.path, work.path("c.gguf"), "Q4_K")
        let floats = try ["a", "b", "c"].map {
            try Checkpoint.open(work.path("\($0).gguf")).floats("model.layers.0.mlp.down_proj.weight")
        }
        #expect(floats[0] == floats[1] && floats[0] != floats[2])
        #expect(measured.relativeError >= plain.relativeError && read.relativeError == measured.relativeError)
        // What was measured is the mean of the squares that the layer's inputs have.
        let importance = try ImportanceMatrix(reading: matrix)
        #expect(importance.entries.count == 14 && importance.datasets == ["t.txt"])
        let weights = try #require(importance.weights("blk.0.ffn_down.weight"))
        let dense = try Checkpoint.open(folder.path).floats("model.layers.0.mlp.down_proj.weight")
        func error(_ read: [Float]) -> Double {
            zip(dense, read).enumerated().reduce(0) {
                $0
                    + Double(
                        weights[$1.offset % weights.count] * ($1.element.0 - $1.element.1)
                            * ($1.element.0 - $1.element.1))
            }
        }
        #expect(error(floats[0]) < error(floats[2]))
        // Of another model: by its names, or by its sizes.
        var renamed = importance
        renamed.entries = ["blk.9.ffn_down.weight": .init(sums: [1, 2], count: 1)]
        let wrong = work.path("renamed.gguf")
        try Data(renamed.bytes(file: wrong)).write(to: URL(fileURLWithPath: wrong))
        #expect(
            faultMistakes(.badData, ["another model", "none of the 14 matrices"]) {
                try export(folder.path, work.path("d.gguf"), "Q4_K", importance: .file(wrong))
            } == [])
        renamed.entries = importance.entries.filter { $0.key != "blk.0.ffn_down.weight" }
        try Data(renamed.bytes(file: wrong)).write(to: URL(fileURLWithPath: wrong))
        let partly = try export(folder.path, work.path("e.gguf"), "Q4_K", importance: .file(wrong))
        #expect(partly.notes.contains { $0.hasPrefix("1 matrix without") && $0.contains("blk.0.ffn_down.weight") })
        let other = try wide()
        #expect(
            faultMistakes(.badData, ["another model", matrix, "matrix 'blk.0.attn_", "256 inputs"]) {
                try export(other.path, work.path("d.gguf"), "Q4_0", importance: .file(matrix))
            } == [])
        #expect(
            faultMistakes(.usage, ["--type", "Q8_0"]) {
                try export(folder.path, work.path("d.gguf"), "Q8_0", importance: .file(matrix))
            } == [])
        #expect(!FileManager.default.fileExists(atPath: work.path("d.gguf")))
    }

    @Test("an export is interrupted while inputs are measured, and nothing is left")
    func interrupted() throws {
        let (folder, work) = (try superBlocks(), try TemporaryFolder())
        let file = try work.write("t.txt", text)
        var asked = 0
        let mistakes = faultMistakes(.interrupted, ["stop"]) {
            try GGUFExport(
                model: folder.path, output: work.path("m.gguf"), types: GGUFTypes.named("Q4_0"),
                importance: .calibration([file], samples: 2, sequenceLength: 16, seed: 0),
                importanceOutput: work.path("i.gguf")
            ).write(quiet) { () throws(Fault) in
                asked += 1
                // The second of two layers.
                if asked == 2 { throw Fault(.interrupted, "stop") }
            }
        }
        #expect(mistakes == [] && asked == 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path) == ["t.txt"])
    }
}
