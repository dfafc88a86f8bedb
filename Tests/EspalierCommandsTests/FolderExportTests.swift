import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import Recipes
import Settings
import TestSupport
import Testing
import Torch

@testable import EspalierCommands
@testable import EspalierKit

@Suite("Export to a folder")
struct FolderExportTests {
    private func export(
        _ model: String, _ output: String, _ layout: ServingLayout, _ type: NumberFormat = .auto,
        overwrites: Bool = false, check: ExportCheck = {}
    ) throws -> FolderExportReport {
        try FolderExport(model: model, output: output, layout: layout, type: type, overwrites: overwrites)
            .write(quiet, check: check)
    }

    private func json(_ folder: String) throws -> JSONObject {
        let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/config.json"))
        return try #require(try JSONValue(parsing: Array(data)).objectValue)
    }

    private static let layouts: [ServingLayout] = [.deci, .transformers, .padded]

    @Test("what is predicted stays the same", arguments: layouts, [true, false])
    func exactly(_ layout: ServingLayout, tied: Bool) throws {
        // Heads that together are as wide as the hidden state, and heads that are not.
        for size in [4, 6] {
            let (folder, work) = (try RaggedModel(tied: tied, headDimension: size).write(), try TemporaryFolder())
            let report = try export(folder.path, work.path("out"), layout)
            #expect(report.dropped == [0] && report.layerCount == 6)
            #expect(try RaggedModel.difference(folder.path, work.path("out")) < 1e-5)
            #expect(try work.names() == ["out"])
        }
    }

    @Test("every layer first, last and alone", arguments: layouts)
    func places(_ layout: ServingLayout) throws {
        let work = try TemporaryFolder()
        let lists: [[RaggedModel.Shape]] = [
            [(4, 2, 24), (0, 0, 8)], [(4, 2, 24), (2, 1, 0)], [(4, 2, 8), (0, 0, 0)], [(0, 0, 24)], [(2, 2, 0)],
            [(0, 0, 24), (0, 0, 8)], [(4, 2, 0), (4, 2, 0)], [(3, 1, 24), (2, 2, 24)],
        ]
        for (index, shapes) in lists.enumerated() {
            let folder = try RaggedModel(shapes: shapes).write()
            _ = try export(folder.path, work.path("\(index)"), layout)
            #expect(try RaggedModel.difference(folder.path, work.path("\(index)")) < 1e-5, "\(shapes)")
        }
    }

    /// Keys of the families beside Llama's, with what makes each its own.
    private static let families: [(String, [(String, JSONValue)])] = [
        ("mistral", [("model_type", .string("mistral")), ("sliding_window", .integer(4))]),
        ("qwen2", [("model_type", .string("qwen2"))]),
        ("qwen3", [("model_type", .string("qwen3")), ("attention_bias", .bool(true))]),
        ("llama", [("attention_bias", .bool(true)), ("mlp_bias", .bool(true))]),
        (
            "gemma3_text",
            [
                ("model_type", .string("gemma3_text")), ("query_pre_attn_scalar", .integer(4)),
                ("sliding_window", .integer(3)),
                (
                    "layer_types",
                    .array((0..<7).map { .string($0 % 2 == 0 ? "sliding_attention" : "full_attention") })
                ),
            ]
        ),
    ]

    @Test("other families are held by the folders with code and with zeros, and refused by deci")
    func families() throws {
        let work = try TemporaryFolder()
        for (index, (name, keys)) in FolderExportTests.families.enumerated() {
            let folder = try RaggedModel(keys: keys).write()
            for layout in [ServingLayout.transformers, .padded] {
                let output = work.path("\(index)-\(layout.text)")
                let report = try export(folder.path, output, layout)
                #expect(try RaggedModel.difference(folder.path, output) < 1e-5, "\(name) \(layout)")
                // Gemma's layers are numbered: the empty one stays, with zeros.
                #expect(report.dropped == (name == "gemma3_text" ? [] : [0]))
            }
            let mistakes = faultMistakes(
                .badData, ["the layout deci cannot hold this model", name, "--to transformers or --to padded"]
            ) { try export(folder.path, work.path("deci"), .deci) }
            #expect(mistakes == [])
        }
        #expect(!FileManager.default.fileExists(atPath: work.path("deci")))
    }

    @Test("deci says every layer's groups and width, with widths as factors where all are multiples of 256")
    func deci() throws {
        let work = try TemporaryFolder()
        let exact = try RaggedModel(shapes: [(0, 0, 24), (4, 2, 0), (2, 2, 7), (1, 1, 24)]).write()
        let report = try export(exact.path, work.path("exact"), .deci)
        let config = try json(work.path("exact"))
        #expect(config["model_type"]?.stringValue == "nemotron-nas" && config["espalier"] == nil)
        #expect(config["architectures"]?.arrayValue?.first?.stringValue == "DeciLMForCausalLM")
        #expect(config["num_attention_heads"]?.integerValue == 4 && config["intermediate_size"]?.integerValue == 24)
        #expect(config["rope_theta"]?.doubleValue == 5000)
        #expect(
            config["auto_map"]?.objectValue?["AutoConfig"]?.stringValue == "configuration_deci.DeciConfig")
        func entries(_ part: String, _ key: String, _ config: JSONObject) -> [Double?] {
            (config["block_configs"]?.arrayValue ?? []).map {
                $0.objectValue?[part]?.objectValue?[key]?.doubleValue
            }
        }
        // The first layer's heads are zeros; the third has a query head for each key-value head, which two of four
        // hold; the last one's key-value head is read by all.
        #expect(entries("attention", "n_heads_in_group", config) == [4, 2, 2, 4])
        #expect(entries("ffn", "intermediate_size", config) == [24, nil, 7, 24])
        #expect(report.engines == [.vllm] && report.notes.joined().contains("SGLang and mlx-lm read multiples"))
        #expect(report.zeroAttention == [0] && report.padded == [2, 3])
        #expect(report.text.contains("trust_remote_code, for the configuration's class in the folder only"))

        let wide = try RaggedModel(shapes: [(4, 2, 256), (0, 0, 512)]).write()
        let second = try export(wide.path, work.path("wide"), .deci)
        let factors = entries("ffn", "ffn_mult", try json(work.path("wide")))
        #expect(factors.map { DeciWidth.of(factor: $0 ?? 0, hidden: 16) } == [256, 512])
        #expect(second.engines == [.vllm, .sglang, .mlx])
        #expect(try RaggedModel.difference(wide.path, work.path("wide")) < 1e-5)
    }

    @Test("widths that factors say are read as other software reads them")
    func factors() {
        for hidden in [576, 896, 2048, 4096, 8192] {
            for width in stride(from: 256, through: 32_768, by: 256) {
                let factor = DeciWidth.factor(width: width, hidden: hidden)
                #expect(DeciWidth.of(factor: factor, hidden: hidden) == width)
            }
        }
        // Llama-3_1-Nemotron-51B: 2.625 of 8192, and Llama's own 5.25.
        #expect(DeciWidth.of(factor: 2.625, hidden: 8192) == 14_336)
        #expect(DeciWidth.of(factor: 5.25, hidden: 8192) == 28_672)
    }

    @Test("transformers brings its code along, and is read without a warning of it")
    func transformers() throws {
        let (folder, work) = (try RaggedModel().write(), try TemporaryFolder())
        let report = try export(folder.path, work.path("out"), .transformers)
        #expect(report.zeroMLP == [2] && report.zeroAttention == [1])
        let map = try json(work.path("out"))["auto_map"]?.objectValue
        #expect(map?["AutoModelForCausalLM"]?.stringValue == "modeling_espalier.EspalierForCausalLM")
        let code = try String(contentsOfFile: work.path("out/modeling_espalier.py"), encoding: .utf8)
        #expect(code.contains("family.LlamaDecoderLayer") && !code.contains("{"))
        let opened = try OpenedModel(work.path("out"))
        #expect(opened.warnings == [])
        // What is made of it has another configuration, and not its code.
        #expect(opened.checkpoint.configuration["auto_map"] == nil)
    }

    @Test("padded is a plain model of the family, whose layers are all as the widest")
    func padded() throws {
        let (folder, work) = (try RaggedModel().write(), try TemporaryFolder())
        let report = try export(folder.path, work.path("out"), .padded)
        let opened = try OpenedModel(work.path("out"))
        #expect(try json(work.path("out"))["model_type"]?.stringValue == "llama")
        #expect(opened.configuration.isUniform && opened.configuration.layers.count == 6)
        #expect(
            opened.configuration.layers[0] == LayerShape(headCount: 4, keyValueHeadCount: 2, intermediateSize: 24))
        #expect(report.zeros > 0 && report.text.contains("no smaller in memory and no faster"))
    }

    @Test("tokenizer, licence and card go along, and verify finds every digest")
    func companions() throws {
        let (folder, work) = (try RaggedModel().write(), try TemporaryFolder())
        for layout in FolderExportTests.layouts {
            let output = work.path(layout.text)
            let report = try export(folder.path, output, layout)
            for name in ["tokenizer.json", "generation_config.json", "LICENSE", "README.md", "COMPLETE.json"] {
                #expect(FileManager.default.fileExists(atPath: output + "/" + name), "\(name)")
            }
            let card = try String(contentsOfFile: output + "/README.md", encoding: .utf8)
            #expect(card.contains("license: apache-2.0") && card.contains("base_model: Owner/Name"))
            #expect(card.contains("--to \(layout.text)"))
            let verified = try PublishedFolder(output, reporter: quiet)
            #expect(verified.files == report.files.count && verified.warnings == [] && verified.pattern == nil)
            #expect(verified.bytes == report.bytes)
        }
    }

    @Test("types", arguments: [(NumberFormat.float16, StoredType.f16), (.bfloat16, .bf16), (.float32, .f32)])
    func types(_ type: NumberFormat, _ stored: StoredType) throws {
        let (folder, work) = (try RaggedModel(type: .bf16).write(), try TemporaryFolder())
        let own = try export(folder.path, work.path("own"), .padded)
        #expect(own.types.map(\.name) == ["BF16"])
        let report = try export(folder.path, work.path("out"), .padded, type)
        #expect(report.types.map(\.name) == [stored.rawValue])
        let config = try json(work.path("out"))
        #expect(config["torch_dtype"]?.stringValue == stored.configurationName)
        #expect(try RaggedModel.difference(folder.path, work.path("out")) < (type == .float16 ? 0.02 : 1e-5))
    }

    @Test("shards, and a model from a GGUF file")
    func shards() throws {
        let (folder, work) = (try model { $0.tied = false }, try TemporaryFolder())
        _ = try GGUFExport(model: folder.path, output: work.path("m.gguf")).write(quiet)
        var request = FolderExport(model: work.path("m.gguf"), output: work.path("out"), layout: .transformers)
        request.shardSize = 20_000
        let report = try request.write(quiet)
        #expect(report.files.contains { $0.name == "model.safetensors.index.json" })
        #expect(try RaggedModel.difference(folder.path, work.path("out")) < 1e-5)
        // And from one exported folder to another layout.
        _ = try export(work.path("out"), work.path("deci"), .deci)
        _ = try export(work.path("deci"), work.path("padded"), .padded)
        #expect(try RaggedModel.difference(folder.path, work.path("padded")) < 1e-5)
    }

    @Test("a folder that is there stays, unless it is ours and may be replaced")
    func existing() throws {
        let (folder, work) = (try RaggedModel().write(), try TemporaryFolder())
        _ = try export(folder.path, work.path("out"), .padded)
        let first = faultMistakes(.outputExists, ["already exists", "--overwrite"]) {
            try export(folder.path, work.path("out"), .padded)
        }
        #expect(first == [])
        _ = try export(folder.path, work.path("out"), .deci, overwrites: true)
        #expect(try work.names().sorted() == ["out", "out.previous-1"])
        let second = faultMistakes(.usage, ["the output is the input"]) {
            try export(work.path("out"), work.path("out"), .padded, overwrites: true)
        }
        #expect(second == [])
    }

    @Test("a weight that float16 has no number for is named, and nothing is left")
    func overflow() throws {
        let work = try TemporaryFolder()
        let folder = try model {
            $0.edit = { name, values in if name == "model.layers.1.mlp.up_proj.weight" { values[5] = 1e6 } }
        }
        let mistakes = faultMistakes(
            .badData, ["cannot be stored in F16", "model.layers.1.mlp.up_proj.weight", "--type BF16"]
        ) { try export(folder.path, work.path("out"), .transformers, .float16) }
        #expect(mistakes == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path) == [])
    }

    @Test("an interrupted export leaves nothing, not even under a hidden name")
    func interrupted() throws {
        let (folder, work) = (try model(), try TemporaryFolder())
        func stopping(after count: Int) -> ExportCheck {
            let interruption = ExportInterruption(output: "out") { _ in }
            var left = count
            return { () throws(Fault) in
                if left == 0 { interruption.hear() }
                left -= 1
                try interruption.check()
            }
        }
        for count in [1, 3, 8] {
            let first = faultMistakes(.interrupted, ["was interrupted", "nothing of it is left"]) {
                try export(folder.path, work.path("out"), .padded, check: stopping(after: count))
            }
            let second = faultMistakes(.interrupted, ["was interrupted"]) {
                try GGUFExport(model: folder.path, output: work.path("m.gguf"))
                    .write(quiet, check: stopping(after: count))
            }
            #expect(first == [] && second == [])
            #expect(try FileManager.default.contentsOfDirectory(atPath: work.path) == [])
        }
    }

    @Test("an export that is interrupted when its file stands says so, and ends at once while it is scored")
    func interruptedEvaluation() async throws {
        let (folder, work) = (try model(), try TemporaryFolder())
        let (file, output) = (
            try work.write("t.txt", String(repeating: "A line of words. ", count: 40)), work.path("m")
        )
        let interruption = ExportInterruption(output: output) { _ in }
        let late = faultMistakes(
            .interrupted, ["the file is whole", "espalier evaluate \(ShellWord.quoted(output)) --text"]
        ) {
            try GGUFExport(
                model: folder.path, output: output, evaluation: ExportEvaluation(texts: [file], context: 16)
            ).write(quiet, check: interruption.check) { () throws(Fault) in
                interruption.hear()
                try interruption.finish()
            }
        }
        #expect(late == [])
        #expect(FileManager.default.fileExists(atPath: output))
        let result = await #expect(processExitsWith: .exitCode(75), observing: [\.standardErrorContent]) {
            let interruption = ExportInterruption(output: "my file") { _ in }
            try interruption.check()
            try interruption.finish()
            interruption.hear()
        }
        let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(
            said == "\ninterrupted in the evaluation; the file is whole: espalier evaluate 'my file' --text FILE\n")
    }

    @Test("weights that a type rounds are told, and those that it holds are not")
    func rounding() throws {
        let (folder, work) = (try RaggedModel().write(), try TemporaryFolder())
        let half = try export(folder.path, work.path("half"), .transformers, .bfloat16)
        #expect(half.rounded == [.bf16] && half.text.contains("weights are rounded to BF16"))
        func card(_ name: String) throws -> String {
            try String(contentsOfFile: work.path(name) + "/README.md", encoding: .utf8)
        }
        #expect(try card("half").contains("what that model computes, with weights rounded to BF16."))
        let whole = try export(work.path("half"), work.path("whole"), .padded, .float32)
        #expect(whole.rounded == [] && !whole.text.contains("rounded"))
        #expect(try card("whole").contains("It computes what that model computes. "))
        #expect(try export(work.path("half"), work.path("other"), .padded, .float16).rounded == [.f16])
        // A file of blocks becomes float16, which does not hold all that they stand for.
        _ = try GGUFExport(
            model: folder.path, output: work.path("m.gguf"), types: GGUFTypes.named("Q8_0")
        ).write(quiet)
        #expect(try export(work.path("m.gguf"), work.path("blocks"), .padded).rounded == [.f16])
        #expect(try export(work.path("m.gguf"), work.path("exact"), .padded, .float32).rounded == [])
    }

    @Test("a rotation with scaling is said under the names that every reader knows")
    func rotation() throws {
        let work = try TemporaryFolder()
        let parameters = JSONValue.object([
            "rope_type": .string("llama3"), "rope_theta": .double(500_000), "factor": .double(8),
            "low_freq_factor": .double(1), "high_freq_factor": .double(4),
            "original_max_position_embeddings": .integer(32),
        ])
        let folder = try RaggedModel(keys: [("rope_parameters", parameters)]).write()
        for layout in FolderExportTests.layouts {
            _ = try export(folder.path, work.path(layout.text), layout)
            #expect(try RaggedModel.difference(folder.path, work.path(layout.text)) < 1e-5)
        }
        let config = try json(work.path("deci"))
        #expect(config["rope_theta"]?.doubleValue == 500_000 && config["rope_parameters"] == nil)
        let scaling = config["rope_scaling"]?.objectValue
        #expect(scaling?["rope_type"]?.stringValue == "llama3" && scaling?["factor"]?.doubleValue == 8)
        #expect(scaling?["rope_theta"] == nil)
    }
}

@Suite("Layers of an exported folder")
struct FolderLayersTests {
    private func layers(
        _ layout: ServingLayout, _ shapes: [RaggedModel.Shape], told: Int, hidden: Int = 16
    ) throws -> FolderLayers {
        let folder = try model { $0.layers = shapes.count }
        var configuration = try OpenedModel(folder.path).configuration.with(
            layers: shapes.map { LayerShape(headCount: $0.0, keyValueHeadCount: $0.1, intermediateSize: $0.2) })
        configuration.hiddenSize = hidden
        return try FolderLayers(layout, configuration, toldHeads: told, file: "m")
    }

    @Test("query heads stand in the group that reads their key-value head")
    func queryHeads() {
        let own = LayerShape(headCount: 4, keyValueHeadCount: 2, intermediateSize: 0)
        let shape = LayerShape(headCount: 9, keyValueHeadCount: 3, intermediateSize: 0)
        let padding = ZeroPadding.queryHeads(own, in: shape, size: 10)
        #expect(
            padding.runs == [
                .init(start: 0, count: 20), .init(start: nil, count: 10), .init(start: 20, count: 20),
                .init(start: nil, count: 40),
            ])
        #expect(padding.count == 90 && !padding.isWhole)
        #expect(ZeroPadding.queryHeads(own, in: own, size: 10).isWhole)
        var row: [Float] = []
        ZeroPadding.queryHeads(own, in: shape, size: 1).spread([1, 2, 3, 4][...], into: &row)
        #expect(row == [1, 2, 0, 3, 4, 0, 0, 0, 0])
        #expect(ZeroPadding.keyValueHeads(own, in: shape, size: 2).runs.last == .init(start: nil, count: 2))
    }

    @Test("padded takes the fewest heads that hold every layer, and that divide the hidden size where there are such")
    func padded() throws {
        let first = try layers(.padded, [(6, 3, 5), (2, 1, 9), (0, 0, 3)], told: 9, hidden: 36)
        let widest = LayerShape(headCount: 6, keyValueHeadCount: 3, intermediateSize: 9)
        #expect(first.layers.allSatisfy { $0.shape == widest })
        // Five heads do not divide 36: six do.
        let second = try layers(.padded, [(5, 1, 5), (5, 5, 5)], told: 36, hidden: 36)
        #expect(second.headCount == 36 && second.layers[0].shape.keyValueHeadCount == 6)
        let alike = try layers(.padded, [(5, 5, 5), (5, 5, 5)], told: 5, hidden: 36)
        #expect(alike.layers.allSatisfy { !$0.isPadded })
    }

    @Test("deci has one number of query heads, as many key-value heads as a layer needs, and attention at first")
    func deci() throws {
        let found = try layers(
            .deci, [(0, 0, 4), (9, 3, 4), (3, 1, 4), (3, 3, 4), (0, 0, 8), (2, 2, 0)], told: 9, hidden: 36)
        #expect(found.headCount == 9)
        #expect(found.layers.map(\.shape.headCount) == [9, 9, 9, 9, 0, 9])
        #expect(found.layers.map(\.shape.keyValueHeadCount) == [1, 3, 1, 3, 0, 3])
        #expect(found.layers.map(\.shape.intermediateSize) == [4, 4, 4, 4, 8, 0])
    }

    @Test("a model without any layer that computes is refused")
    func nothing() throws {
        let mistakes = faultMistakes(.badData, ["no layer is left"]) {
            try layers(.padded, [(0, 0, 0), (0, 0, 0)], told: 4)
        }
        #expect(mistakes == [])
    }
}

@Suite("export on the command line")
struct FolderExportCommandTests {
    @Test("a folder takes no type of blocks")
    func types() throws {
        #expect(throws: (any Error).self) {
            try Export.parse(["m", "--to", "deci", "--type", "Q8_0", "--output", "o"])
        }
        #expect(try Export.parse(["m", "--to", "padded", "--type", "bf16", "--output", "o"]).type == "bf16")
        #expect(try Export.parse(["m", "--to", "gguf", "--type", "q8_0", "--output", "o"]).to == .gguf)
    }

    @Test("every format but a file has a layout")
    func layouts() {
        #expect(Export.Format.allCases.map { $0.folder?.text ?? "gguf" } == Export.Format.allCases.map(\.rawValue))
    }
}
