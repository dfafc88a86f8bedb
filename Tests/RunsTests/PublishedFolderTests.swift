import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import Publishing
import Recipes
import Settings
import RunSupport
import TestSupport
import Testing

@testable import Runs

@Suite("The published folder")
struct PublishedFolderTests {
    @Test("verifies, opens, and holds what it should hold")
    func content() throws {
        let bench = try Bench()
        try bench.model.write("tokenizer_config.json", #"{"model_max_length": 64}"#)
        let result = try bench.prune("out") { $0.method = "wanda" }
        let verification = try FolderVerification(bench.path("out"))
        #expect(verification.unrecorded.isEmpty && verification.checkpoint.warnings.isEmpty)
        _ = try Decoder(verification.checkpoint)
        let files = try bench.files("out")
        #expect(
            Set(files.keys) == [
                "COMPLETE.json", "README.md", "config.json", "model.safetensors", "recipe.yaml", "report.json",
                "tokenizer_config.json",
            ])
        #expect(files["tokenizer_config.json"] == Data(#"{"model_max_length": 64}"#.utf8))
        let report = try #require(try JSONValue(parsing: Array(files["report.json"] ?? Data())).objectValue)
        #expect(report["calibration"] != nil && report["seconds"] == nil && report["memory_limit_bytes"] == nil)
        #expect(report["blocks"]?.arrayValue?.count == 2)
        let json = try #require(result.json.objectValue)
        #expect(
            json.keys == [
                "output", "method", "preset", "pattern", "sparsity", "parameters", "blocks", "seconds",
                "memory_limit_bytes", "peak_memory_bytes",
            ])
        // Half of what is free, of which no run has as much as another.
        #expect(json["memory_limit_bytes"]?.integerValue ?? 0 > result.peakMemoryBytes / 2)
        #expect(!bench.exists("out.partial") && !bench.exists("out.partial.lock"))
    }

    @Test("config.json keeps every key, unknown ones too, and says nothing of sparsity")
    func configuration() throws {
        let bench = try Bench { tiny in
            tiny.configuration = [
                ("torch_dtype", .string("float32")), ("something_new", .array([.double(1e-5), .null])),
                ("auto_map", .object(["AutoModel": .string("x.Y")])),
            ]
        }
        try bench.prune("out") { $0.method = "magnitude" }
        let before = try JSONValue(parsing: Array(try #require(try bench.filesOfModel()["config.json"])))
        let after = try JSONValue(parsing: Array(try #require(try bench.files("out")["config.json"])))
        #expect(before == after)
        #expect(after.objectValue?["sparsity_config"] == nil)
    }

    /// Writes the bench's weights anew under other names, with tensors added.
    private func rename(_ bench: Bench, adding extra: [String: String] = [:], _ name: (String) -> String) throws {
        let path = bench.model.path + "/model.safetensors"
        let file = try SafetensorsFile(path)
        var list = file.tensors.map { (stored: $0.name, written: name($0.name)) }
        list += extra.map { (stored: $0.value, written: $0.key) }
        let writer = try SafetensorsWriter(
            path + "-new",
            try list.map { pair in
                let tensor = try #require(file.tensor(pair.stored))
                return TensorDescription(name: pair.written, shape: tensor.shape, type: tensor.type)
            })
        for tensor in writer.order {
            let stored = try #require(list.first { $0.written == tensor.name }).stored
            try writer.write(tensor.name, try file.bytes(stored))
        }
        _ = try writer.finish()
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: path + "-new", toPath: path)
    }

    @Test("weights under other names are published under the names of the model's code, byte for byte as under those")
    func otherNames() throws {
        func weights(_ name: (String) -> String) throws -> Data? {
            let bench = try Bench()
            try rename(bench, name)
            try bench.prune("out") { $0.method = "magnitude" }
            return try bench.files("out")["model.safetensors"]
        }
        let plain = try #require(try weights { $0 })
        #expect(try weights { $0 == Decoder.embeddingName ? Decoder.headName : $0 } == plain)
        #expect(try weights { String($0.dropFirst("model.".count)) } == plain)
        #expect(try weights { "_orig_mod." + $0 } == plain)
    }

    @Test("a tied head that differs from the embedding is published, and the configuration says that it is not tied")
    func untied() throws {
        let bench = try Bench { $0.extra = [("lm_head.weight", [Bench.vocabulary, 16])] }
        try bench.prune("out") { $0.method = "magnitude" }
        let model = try Checkpoint.open(bench.path("out"))
        #expect(!model.tiesWordEmbeddings && model.warnings.isEmpty)
        #expect(model.configuration["tie_word_embeddings"]?.boolValue == false)
        #expect(
            try model.storedBytes("lm_head.weight") == Checkpoint.open(bench.model.path).storedBytes("lm_head.weight"))
    }

    @Test("templates in a folder are published, and what is not copied is named before the work")
    func sideFiles() throws {
        let bench = try Bench()
        try FileManager.default.createDirectory(
            atPath: bench.model.path + "/additional_chat_templates", withIntermediateDirectories: false)
        try bench.model.write("additional_chat_templates/tool_use.jinja", "{{ x }}")
        try bench.model.write("tekken.json", "{}")
        try bench.model.write("params.json", "{}")
        let context = try bench.context(try bench.settings("out") { $0.method = "magnitude" })
        #expect(context.warnings.contains { $0.hasSuffix("not copied to the output: params.json") })
        try bench.prune("out") { $0.method = "magnitude" }
        let names = try FolderVerification(bench.path("out")).record.files.map(\.name)
        #expect(names.contains("additional_chat_templates/tool_use.jinja") && names.contains("tekken.json"))
        #expect(!names.contains("params.json"))
        #expect(
            try String(contentsOfFile: bench.path("out/additional_chat_templates/tool_use.jinja"), encoding: .utf8)
                == "{{ x }}")
    }

    @Test("both names of the number type are set where both are there")
    func bothNamesOfTheNumberType() throws {
        let bench = try Bench {
            $0.configuration = [("torch_dtype", .string("float32")), ("dtype", .string("float32"))]
        }
        try bench.prune("out") {
            $0.method = "magnitude"
            $0.outputDType = .bfloat16
        }
        let json = try JSONValue(parsing: Array(try #require(try bench.files("out")["config.json"]))).objectValue
        #expect(json?["dtype"]?.stringValue == "bfloat16" && json?["torch_dtype"]?.stringValue == "bfloat16")
    }

    @Test("config.json names the number type when another one is written")
    func numberType() throws {
        let bench = try Bench { $0.configuration = [("torch_dtype", .string("float32"))] }
        try bench.prune("out") {
            $0.method = "magnitude"
            $0.outputDType = .bfloat16
        }
        let checkpoint = try Checkpoint.open(bench.path("out"))
        #expect(checkpoint.configuration["torch_dtype"]?.stringValue == "bfloat16")
        #expect(checkpoint.tensors.allSatisfy { $0.type == .bf16 })
    }

    @Test("a tied output matrix is not written a second time, and an untied one is", arguments: [true, false])
    func tied(isTied: Bool) throws {
        let bench = try Bench { tiny in
            tiny.tied = isTied
            // Files that carry the tied matrix twice are common.
            if isTied {
                tiny.extra = [("lm_head.weight", [Bench.vocabulary, 16])]
                tiny.edit = { name, values in
                    guard name == Decoder.headName || name == Decoder.embeddingName else { return }
                    for index in values.indices { values[index] = Float(index % 13) / 13 - 0.5 }
                }
            }
        }
        try bench.prune("out") { $0.method = "magnitude" }
        let file = try SafetensorsFile(bench.path("out/model.safetensors"))
        #expect((file.tensor("lm_head.weight") == nil) == isTied)
        #expect(try Checkpoint.open(bench.path("out")).tiesWordEmbeddings == isTied)
    }

    @Test("a value that float16 cannot hold falls back to float32")
    func overflow() throws {
        let bench = try Bench { tiny in
            tiny.edit = { name, values in
                if name == "model.layers.1.mlp.up_proj.weight" { values[5] = 1e6 }
                if name == "model.embed_tokens.weight" { values[7] = 70_000 }
            }
        }
        try bench.prune("out") {
            $0.method = "magnitude"
            $0.outputDType = .float16
        }
        let checkpoint = try Checkpoint.open(bench.path("out"))
        for tensor in checkpoint.tensors {
            let isWide = ["model.layers.1.mlp.up_proj.weight", "model.embed_tokens.weight"].contains(tensor.name)
            #expect(tensor.type == (isWide ? .f32 : .f16), "\(tensor.name)")
        }
        #expect(try checkpoint.floats("model.layers.1.mlp.up_proj.weight")[5] == 1e6)
        #expect(try checkpoint.floats("model.embed_tokens.weight")[7] == 70_000)
    }

    @Test("the published recipe runs again to the same bytes", arguments: Arm.allCases)
    func recipe(arm: Arm) throws {
        let bench = try Bench()
        try bench.prune("out") {
            arm.apply(to: &$0)
            $0.sparsity = try? Sparsity(0.4)
            $0.seed = 3
        }
        var recipe = try PruneRecipe(contentsOf: bench.path("out/recipe.yaml"))
        recipe.output = bench.path("again")
        _ = try PruneRun(try bench.context(try recipe.resolved())).start()
        #expect(Folder.differences(try bench.files("out"), try bench.files("again")) == [])
    }

    @Test("the same seed gives the same bytes, another seed other weights")
    func seeds() throws {
        let bench = try Bench()
        func weights(_ output: String, _ seed: UInt64) throws -> Data? {
            try bench.prune(output) {
                $0.preset = .paper
                $0.roundSamples = 4
                $0.seed = seed
            }
            return try bench.files(output)["model.safetensors"]
        }
        let first = try weights("a", 1)
        #expect(try weights("b", 1) == first)
        #expect(try weights("c", 2) != first)
    }

    @Test("hidden states on the disk give the same bytes as in memory", arguments: Arm.allCases)
    func offload(arm: Arm) throws {
        let bench = try Bench()
        let scratch = try TemporaryFolder()
        try bench.prune("memory") { arm.apply(to: &$0) }
        try bench.prune("disk") {
            arm.apply(to: &$0)
            $0.offload = scratch.path
        }
        let different = Folder.differences(try bench.files("memory"), try bench.files("disk"))
        // The recipe says where the hidden states were; the README repeats it, the record holds both digests.
        #expect(different == ["COMPLETE.json", "README.md", "recipe.yaml"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [])
    }

    @Test("shards by size, with an index that names every tensor, hold the same tensors as one file")
    func shards() throws {
        let bench = try Bench()
        let context = try bench.context("many") {
            $0.method = "wanda"
            $0.shardSize = try? ByteSize(parsing: "6KB")
        }
        _ = try PruneRun(context).start()
        try bench.prune("one") { $0.method = "wanda" }
        let files = try bench.files("many")
        let names = files.keys.filter { $0.hasPrefix("model-") }.sorted()
        #expect(names.count > 1)
        #expect(names.enumerated().allSatisfy { $1 == ShardName.name($0 + 1, of: names.count) })
        let many = try FolderVerification(bench.path("many")).checkpoint
        let one = try Checkpoint.open(bench.path("one"))
        #expect(Set(many.tensors.map(\.name)) == Set(one.tensors.map(\.name)))
        for tensor in one.tensors { #expect(try many.storedBytes(tensor.name) == one.storedBytes(tensor.name)) }
        let index = try #require(try JSONValue(parsing: Array(files[ShardName.index] ?? Data())).objectValue)
        let bytes = one.tensors.reduce(0) { $0 + $1.byteCount }
        #expect(index["metadata"]?.objectValue?["total_size"]?.integerValue == bytes)
        #expect(index["weight_map"]?.objectValue?.keys.count == one.tensors.count)
    }

    @Test("a model of one block, sequences of one token, and no block to change are all defined")
    func smallest() throws {
        let bench = try Bench(tokens: Bench.rows(9, 1)) { $0.layers = 1 }
        for arm in Arm.allCases {
            let result = try bench.prune("out-\(arm)") {
                arm.apply(to: &$0)
                $0.samples = 9
                $0.pattern = .keep(2, of: 4)
            }
            #expect(result.achieved == 0.5)
        }
        let nothing = try bench.prune("nothing") {
            $0.method = "wanda"
            $0.samples = 9
            $0.sparsity = try? Sparsity(0)
        }
        #expect(nothing.achieved == 0)
    }

    @Test("paths with spaces, letters of all scripts and relative parts work")
    func paths() throws {
        let bench = try Bench()
        try bench.prune(
            "gestützte Bäume 樹/../österreich 樹 out".replacingOccurrences(of: "gestützte Bäume 樹/../", with: "./")
        ) {
            $0.method = "magnitude"
        }
        #expect(bench.exists("österreich 樹 out/COMPLETE.json"))
    }
}

extension Bench {
    func filesOfModel() throws -> [String: Data] { try Folder.files(model.path) }
}
