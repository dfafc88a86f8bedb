import Checkpoints
import Evaluation
import Faults
import JSONText
import TestSupport
import Testing
import Torch

@testable import EspalierKit

/// Every id that ends a turn is known from a model's files and ends what is written.
struct TurnEndTests {
    private func engine() throws -> EngineSettings { try EngineSettings(threads: 1, device: .cpu, dtype: .float32) }

    private func special(_ path: String) throws -> SpecialTokens {
        let opened = try OpenedModel(path)
        return try SpecialTokens(opened.checkpoint, tokenizer: try opened.tokenizer())
    }

    /// A GGUF model whose first new token is the end of a turn: without the last norm all tokens are equally likely,
    /// and the lowest id wins.
    private func gguf(_ keys: [(name: String, value: TinyGGUF.Value)]) throws -> (TemporaryFolder, String) {
        var model = TinyGGUF()
        model.keys = keys
        model.edit = { name, values in
            if name == "output_norm.weight" { values = values.map { _ in 0 } }
        }
        let folder = try TemporaryFolder()
        return (folder, try model.write(to: folder)[0])
    }

    @Test func generateStopsAtAnyOfThem() throws {
        for key in ["eos", "eot", "eom"] {
            let (folder, path) = try gguf([("tokenizer.ggml.\(key)_token_id", .natural(0))])
            let report = try GenerationRun(model: path, prompt: "hi", maxTokens: 4, engine: try engine())
                .generate(quiet)
            #expect(report.stop == .endToken && report.ids.isEmpty, "\(key) \(folder.path)")
        }
        let (folder, path) = try gguf([])
        let report = try GenerationRun(model: path, prompt: "hi", maxTokens: 4, engine: try engine()).generate(quiet)
        #expect(report.stop == .length && report.ids == [0, 0, 0, 0], "\(folder.path)")
    }

    @Test func continuationsOfComparedModelsStopAtIt() throws {
        let (folder, path) = try gguf([("tokenizer.ggml.eot_token_id", .natural(0))])
        let log = try folder.write("log.jsonl", #"{"prompt": "hello there"}"# + "\n")
        let run = EvaluationRun(
            model: path, against: path, files: [], prompts: PromptSettings(files: [log], differences: 1),
            engine: try engine())
        let json = try #require(try JSONValue(parsing: try run.measure(quiet).json.text()).objectValue)
        let sample = try #require(json["samples"]?.arrayValue?.first?.objectValue)
        #expect(sample["dense_stop"] == .string("end") && sample["pruned_stop"] == .string("end"))
    }

    @Test func aGGUFFileNamesAllOfThemOnce() throws {
        let (folder, path) = try gguf([
            ("tokenizer.ggml.eot_token_id", .natural(UInt32(TinyGGUF.turn))),
            ("tokenizer.ggml.eom_token_id", .natural(7)),
        ])
        let found = try special(path)
        #expect(found.end == [257, 258, 7] && found.firstEnd == 257 && found.beginning == 256, "\(folder.path)")
    }

    @Test func aFoldersFilesNameThem() throws {
        let folder = try model { $0.configuration = [("eos_token_id", .array([.integer(5), .integer(6)]))] }
        #expect(try special(folder.path).end == [5, 6])
        // The tokenizer's own end, at which servers stop, too.
        try folder.write("special_tokens_map.json", #"{"eos_token": {"content": "<|end|>"}}"#)
        #expect(try special(folder.path).end == [5, 6, 257])
        try folder.write("special_tokens_map.json", #"{"eos_token": "<|begin|>"}"#)
        try folder.write("tokenizer_config.json", #"{"eos_token": "<|end|>"}"#)
        #expect(try special(folder.path).end == [5, 6, 257])
        #expect(try special(folder.path).firstEnd == 5)
        try folder.write("tokenizer_config.json", #"{"eos_token": {"content": "<|begin|>"}}"#)
        #expect(try special(folder.path).end == [5, 6, 256])
        try folder.write("generation_config.json", #"{"eos_token_id": 9}"#)
        #expect(try special(folder.path).end == [9, 256])
        try folder.write("tokenizer_config.json", #"{"eos_token": "no such token"}"#)
        #expect(try special(folder.path).end == [9])
    }
}
