import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import Recipes
import Runs
import Settings
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit
@testable import Reports

@Suite("Export to GGUF")
struct ExportTests {
    private let text = String(repeating: "The quick brown fox jumps over the lazy dog, 12 times. ", count: 40)

    private func export(
        _ model: String, _ output: String, _ type: String? = nil, importance: GGUFExport.Importance = .equal,
        importanceOutput: String? = nil, overwrites: Bool = false
    ) throws -> GGUFExportReport {
        let types = try type.map { try #require(GGUFTypes.named($0)) }
        return try GGUFExport(
            model: model, output: output, types: types, importance: importance, importanceOutput: importanceOutput,
            overwrites: overwrites
        ).write(quiet)
    }

    private func perplexity(_ model: String, _ file: String) throws -> Double {
        let engine = try EngineSettings(threads: 1, device: .cpu, dtype: .float32)
        let report = try EvaluationRun(model: model, files: [.text(file)], context: 32, windows: 20, engine: engine)
            .measure(quiet)
        return try #require(report.files.first).measurement.perplexity
    }

    /// A model with rows of whole blocks.
    private func wide() throws -> TemporaryFolder {
        try model {
            ($0.hidden, $0.intermediate, $0.heads, $0.keyValueHeads, $0.tied) = (32, 64, 4, 2, false)
        }
    }

    @Test("in float32 every weight, token and prediction is the same")
    func exactly() throws {
        let (folder, work) = (try model(), try TemporaryFolder())
        let output = work.path("m.gguf")
        let report = try export(folder.path, output)
        #expect(report.asked.name == "F32" && report.architecture == "llama" && report.notes.isEmpty)
        #expect(try Data(contentsOf: URL(fileURLWithPath: output)).count == report.bytes)
        let (own, written) = (try OpenedModel(folder.path), try OpenedModel(output))
        #expect(own.configuration == written.configuration)
        #expect(own.checkpoint.tensors.count == written.checkpoint.tensors.count)
        for tensor in own.checkpoint.tensors {
            #expect(try own.checkpoint.floats(tensor.name) == written.checkpoint.floats(tensor.name), "\(tensor.name)")
        }
        let file = try work.write("t.txt", text)
        #expect(try perplexity(folder.path, file) == perplexity(output, file))
        #expect(
            try own.tokenizer().encode(text, addSpecialTokens: true)
                == written.tokenizer().encode(text, addSpecialTokens: true))
        // What a GGUF file holds is exported the same way.
        let again = work.path("again.gguf")
        _ = try export(output, again)
        for tensor in own.checkpoint.tensors {
            #expect(try Checkpoint.open(again).floats(tensor.name) == own.checkpoint.floats(tensor.name))
        }
    }

    @Test("in fewer bits weights are near, and files smaller", arguments: GGUFTypes.all.map(\.name))
    func types(_ type: String) throws {
        let (folder, work) = (try wide(), try TemporaryFolder())
        let output = work.path("m.gguf")
        let report = try export(folder.path, output, type)
        // Rows of 32 and 64: none holds a block of 256.
        let fitting = ["Q4_K": "Q5_0", "Q4_K_M": "Q5_0", "Q5_K": "Q5_1", "Q5_K_M": "Q5_1", "Q6_K": "Q8_0"][type]
        #expect(report.fallbacks.isEmpty == (fitting == nil))
        let (own, written) = (try Checkpoint.open(folder.path), try Checkpoint.open(output))
        let bound: Float =
            switch type.prefix(2) {
            case "F3": 0
            case "F1", "BF": 0.004
            case "Q8", "Q6": 0.012
            case "Q5": 0.04
            default: 0.09
            }
        for tensor in own.tensors {
            let (values, read) = (try own.floats(tensor.name), try written.floats(tensor.name))
            let most = zip(values, read).map { abs($0 - $1) }.max() ?? .infinity
            #expect(most <= (tensor.shape.count > 1 ? bound : 0), "\(tensor.name)")
        }
        let head = try #require(written.tensor("lm_head.weight"))
        #expect(head.encoding == (type.hasPrefix("Q") ? "Q8_0" : type))
        let gate = try #require(written.tensor("model.layers.1.mlp.gate_proj.weight"))
        #expect(gate.encoding == fitting ?? type)
        #expect(report.json.objectValue?["type"]?.stringValue == type)
    }

    @Test("rows without whole blocks are stored in float16, which is told")
    func fallback() throws {
        let (folder, work) = (try model { $0.hidden = 32 }, try TemporaryFolder())
        let report = try export(folder.path, work.path("m.gguf"), "Q4_0")
        #expect(report.fallbacks == ["blk.0.ffn_down.weight", "blk.1.ffn_down.weight"])
        #expect(report.text.contains("2 tensors in F16") && report.text.contains("the output matrix is stored in Q8_0"))
        let written = try Checkpoint.open(work.path("m.gguf"))
        #expect(written.tensor("model.layers.0.mlp.down_proj.weight")?.encoding == "F16")
    }

    /// A model with rows that hold blocks of 256.
    private func superBlocks() throws -> TemporaryFolder {
        try model {
            ($0.hidden, $0.intermediate, $0.heads, $0.keyValueHeads) = (256, 256, 4, 2)
        }
    }

    @Test("mixtures keep more bits where errors cost most")
    func mixture() throws {
        let (folder, work) = (try superBlocks(), try TemporaryFolder())
        for (type, finer) in [("Q4_K_M", "Q6_K"), ("Q5_K", "Q5_K")] {
            let output = work.path("\(type).gguf")
            let report = try export(folder.path, output, type)
            #expect(report.fallbacks.isEmpty)
            let written = try Checkpoint.open(output)
            let base = String(type.prefix(4))
            // Two layers: no eighth, and none is a third.
            #expect(written.tensor("model.layers.0.mlp.gate_proj.weight")?.encoding == base)
            #expect(written.tensor("model.embed_tokens.weight")?.encoding == "Q6_K")
            let down = try #require(written.tensor("model.layers.1.mlp.down_proj.weight")).encoding
            #expect(down == (GGUFTypes.isFiner(1, of: 2) ? finer : base))
            // What an export without --type goes back to.
            #expect(written.types?.name == type)
        }
        #expect(
            (0..<32).filter { GGUFTypes.isFiner($0, of: 32) } == [
                0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31,
            ])
    }

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

    @Test("a file that was exported is scored beside its folder, and stands in the folder's report")
    func evaluated() throws {
        let (folder, work) = (try wide(), try TemporaryFolder())
        let (pruned, file) = (work.path("pruned"), try work.write("t.txt", text))
        var recipe = PruneRecipe()
        (recipe.model, recipe.output, recipe.method) = (folder.path, pruned, "magnitude")
        recipe.sparsity = try Sparsity(parsing: "0.5")
        _ = try PruneRun(PrunePreparation(try recipe.resolved(), reporter: quiet).context).start()
        let output = work.path("q4.gguf")
        let evaluation = ExportEvaluation(texts: [file], context: 32, windows: 20)
        var steps: [Bool] = []
        let report = try GGUFExport(
            model: pruned, output: output, types: GGUFTypes.named("Q4_0"), evaluation: evaluation
        ).write(quiet) { () throws(Fault) in
            steps.append(FileManager.default.fileExists(atPath: output))
        } written: { () throws(Fault) in
            #expect(FileManager.default.fileExists(atPath: output))
        }
        #expect(!steps.contains(true))
        // By itself, and by hand.
        let found = try #require(report.evaluation?.files.first).measurement
        let engine = try EngineSettings(threads: nil, device: .auto, dtype: .auto)
        let byHand = try EvaluationRun(
            model: output, against: pruned, files: [.text(file)], context: 32, windows: 20, engine: engine
        ).measure(quiet)
        #expect(found == byHand.files.first?.measurement && found.windows == 20)
        let divergence = try #require(found.divergence)
        #expect(divergence.kl > 0 && divergence.kl < 1 && found.perplexity != divergence.densePerplexity)
        #expect(report.text.contains("t.txt: perplexity ") && report.text.contains(" times the model's "))

        let document = pruned + "/export-q4.json"
        try Data(report.json.text().utf8).write(to: URL(fileURLWithPath: document))
        let run = try PublishedRun(folder: pruned)
        let exported = try #require(run.exports.first)
        #expect(exported.name == "q4.gguf" && exported.type == "Q4_0" && exported.bytes == report.bytes)
        #expect(exported.texts.first?.perplexity == found.perplexity)
        #expect(exported.texts.first?.densePerplexity == divergence.densePerplexity)
        #expect(exported.texts.first?.kl == divergence.kl && exported.sha256 == report.digest)
        let html = ReportPage([run]).html
        #expect(html.contains("Exported files") && html.contains("q4.gguf"))
        #expect(try #require(ReportPage([run]).exports).body.contains("times dense") == false)
        // The dense model's figure stands there where it was measured on the same tokens.
        let results = try EvaluationRun(
            model: pruned, against: folder.path, files: [.text(file)], context: 32, windows: 20, engine: engine
        ).measure(quiet)
        try Data(results.json.text().utf8).write(to: URL(fileURLWithPath: pruned + "/results.json"))
        let compared = try PublishedRun(folder: pruned)
        let dense = try #require(results.files.first?.measurement.divergence?.densePerplexity)
        #expect(compared.densePerplexity(of: try #require(compared.exports.first?.texts.first)) == dense)
        let json = ReportPage([compared]).json.objectValue?["runs"]?.arrayValue?.first?.objectValue
        #expect(try #require(ReportPage([compared]).exports).body.contains("times dense"))
        let text = json?["exports"]?.arrayValue?.first?.objectValue?["texts"]?.arrayValue?.first?.objectValue
        #expect(text?["dense_perplexity"]?.doubleValue == dense && text?["kl"]?.doubleValue == divergence.kl)
        let verified = try PublishedFolder(pruned, reporter: quiet)
        #expect(verified.results == ["export-q4.json", "results.json"] && verified.warnings.isEmpty)

        // Of another folder, without a record, or something else.
        let other = report.json.objectValue ?? JSONObject()
        for (key, value, kind) in [
            ("source_record_sha256", JSONValue.string("0"), Fault.Kind.notComparable),
            ("source_record_sha256", .null, .notComparable), ("format", .string("deci"), .badData),
            ("bytes", .string("many"), .badData),
        ] {
            var changed = other
            changed[key] = value
            try Data(JSONValue.object(changed).text().utf8).write(to: URL(fileURLWithPath: document))
            #expect(faultMistakes(kind, [document]) { _ = try PublishedRun(folder: pruned) } == [], "\(key)")
        }
    }

    @Test("what cannot be scored is refused before anything is written")
    func unusableText() throws {
        let (folder, work) = (try wide(), try TemporaryFolder())
        let short = try work.write("short.txt", "No window.")
        func export(_ output: String) throws -> GGUFExportReport {
            try GGUFExport(
                model: folder.path, output: output, types: GGUFTypes.named("Q4_0"),
                evaluation: ExportEvaluation(texts: [short], context: 32)
            ).write(quiet)
        }
        #expect(faultMistakes(.badData, [short]) { try export(work.path("m.gguf")) } == [])
        #expect(faultMistakes(.usage, ["--text"]) { try export("/dev/null") } == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: work.path) == ["short.txt"])
    }

    @Test(
        "options of the evaluation that do not belong together are refused",
        arguments: [
            ["--to", "deci", "--text", "t"], ["--to", "padded", "--results", "r"], ["--to", "gguf", "--context", "9"],
            ["--to", "gguf", "--windows", "9"], ["--to", "gguf", "--text", "t", "--context", "1"],
            ["--to", "gguf", "--text", "t", "--windows", "0"],
        ])
    func evaluationOptions(_ arguments: [String]) {
        #expect(throws: (any Error).self) { _ = try Export.parse(["model", "--output", "o"] + arguments) }
    }

    @Test("the verb scores the file, keeps the figures, and warns of the text that the file was fitted to")
    func verb() throws {
        let (folder, work) = (try wide(), try TemporaryFolder())
        let (file, results) = (try work.write("t.txt", text), work.path("r.json"))
        let arguments = [
            folder.path, "--to", "gguf", "--type", "Q4_0", "--output", work.path("m.gguf"), "--text", file, "--context",
            "32", "--windows", "4", "--results", results, "--quiet",
        ]
        var export = try Export.parse(arguments)
        try export.run()
        let json = try JSONValue(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: results)))).objectValue
        let found = json?["evaluation"]?.objectValue?["perplexity"]?.objectValue?["t.txt"]?.objectValue
        #expect(found?["windows"]?.integerValue == 4 && (found?["value"]?.doubleValue ?? 0) > 1)
        #expect(json?["source_record_sha256"]?.isNull == true)
        #expect(
            faultMistakes(.usage, ["--results"]) {
                var again = try Export.parse(
                    arguments.map { $0 == results ? file : $0 == work.path("m.gguf") ? work.path("n.gguf") : $0 })
                try again.run()
            } == [])
    }

    @Test("zeros that a type fills are told")
    func filledZeros() throws {
        let (folder, work) = (try wide(), try TemporaryFolder())
        let pruned = work.path("pruned")
        var recipe = PruneRecipe()
        (recipe.model, recipe.output, recipe.method) = (folder.path, pruned, "magnitude")
        recipe.pattern = try PatternChoice(parsing: "2:4")
        _ = try PruneRun(PrunePreparation(try recipe.resolved(), reporter: quiet).context).start()
        let kept = try export(pruned, work.path("a.gguf"), "Q4_0")
        #expect(kept.filledZeros == 0 && kept.zeros > 1000 && !kept.text.contains("no longer zero"))
        let filled = try export(pruned, work.path("b.gguf"), "Q4_1")
        #expect(filled.filledZeros > 0 && filled.text.contains("no longer zero"))
        let written = try Checkpoint.open(work.path("b.gguf"))
        let dense = try Checkpoint.open(pruned)
        let counts = try dense.tensors.filter { $0.shape.count > 1 }.map { tensor in
            zip(try dense.floats(tensor.name), try written.floats(tensor.name)).count { $0 == 0 && $1 != 0 }
        }
        #expect(filled.filledZeros == counts.reduce(0, +))
    }

    @Test("a file that is there stays, unless it may be replaced")
    func existing() throws {
        let (folder, work) = (try model(), try TemporaryFolder())
        let output = try work.write("m.gguf", "mine")
        let mistakes = faultMistakes(.outputExists, ["exists already", "--overwrite"]) {
            try export(folder.path, output)
        }
        #expect(mistakes == [])
        #expect(try String(contentsOfFile: output, encoding: .utf8) == "mine")
        #expect(try export(folder.path, output, overwrites: true).bytes > 4)
        #expect(try work.names() == ["m.gguf"])
    }

    @Test("a weight that float16 has no number for is named, and nothing is left")
    func overflow() throws {
        let work = try TemporaryFolder()
        let folder = try model {
            $0.edit = { name, values in if name == "model.layers.1.mlp.up_proj.weight" { values[5] = 1e6 } }
        }
        let mistakes = faultMistakes(
            .badData, ["cannot be stored in F16", "model.layers.1.mlp.up_proj.weight", "element 5", "--type BF16"]
        ) { try export(folder.path, work.path("m.gguf"), "F16") }
        #expect(mistakes == [])
        #expect(try work.names() == [])
        _ = try export(folder.path, work.path("m.gguf"), "BF16")
    }

    @Test("a window or an unknown rule of cutting text is refused")
    func refused() throws {
        let work = try TemporaryFolder()
        let window = try model {
            $0.configuration = [("model_type", .string("mistral")), ("sliding_window", .integer(16))]
        }
        let first = faultMistakes(.badData, ["sliding window cannot be stored", "16 positions"]) {
            try export(window.path, work.path("m.gguf"))
        }
        #expect(first == [])
        let cut = try model()
        var tokenizer = try #require(TinyModel.tokenizer.objectValue)
        // GPT-2's rule after composing: no name stands for both.
        tokenizer["normalizer"] = .object(["type": .string("NFC")])
        try cut.write("tokenizer.json", JSONValue.object(tokenizer).text())
        let second = faultMistakes(.badData, ["cannot be said in a GGUF file", "pre_tokenizer", "NFC, then"]) {
            try export(cut.path, work.path("m.gguf"))
        }
        #expect(second == [])
        #expect(try work.names() == [])
    }

    @Test("licence, base model and chat template go along")
    func origin() throws {
        let (folder, work) = (try model(), try TemporaryFolder())
        try folder.write(
            "README.md", "---\nlicense: apache-2.0\nbase_model: Owner/Name\nlanguage:\n- en\n---\n# Text\n")
        try folder.write("tokenizer_config.json", #"{"bos_token": "<|begin|>", "chat_template": "{{ messages }}"}"#)
        let output = work.path("m.gguf")
        _ = try export(folder.path, output)
        let written = try Checkpoint.open(output)
        let card = String(decoding: try #require(written.card).bytes(), as: UTF8.self)
        #expect(card.contains("\"license\": \"apache-2.0\"") && card.contains("\"en\""))
        let settings = try #require(written.sideFiles.first { $0.name == "tokenizer_config.json" })
        let json = try JSONValue(parsing: settings.bytes()).objectValue
        #expect(json?["chat_template"]?.stringValue == "{{ messages }}")
        #expect(json?["bos_token"]?.stringValue == "<|begin|>" && json?["eos_token"]?.stringValue == "<|end|>")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: output))
        for text in ["general.base_model.0.organization", "general.base_model.0.name"] {
            #expect(bytes.range(of: Data(text.utf8)) != nil)
        }
        // A registry's address is nobody's to guess.
        #expect(bytes.range(of: Data("https://".utf8)) == nil)
    }

    @Test("layers of different shapes become arrays by layer")
    func ragged() throws {
        let work = try TemporaryFolder()
        let folder = try model()
        let calibration = try work.write("t.txt", text)
        var recipe = PruneRecipe()
        (recipe.model, recipe.output) = (folder.path, work.path("pruned"))
        (recipe.method, recipe.effort, recipe.sparsity) = ("tyr", .quick, try Sparsity(0.6))
        // Of 24 neurons eight are many.
        recipe.granularity = 1
        (recipe.calibration, recipe.samples, recipe.sequenceLength) = ([calibration], 8, 16)
        (recipe.device, recipe.dtype, recipe.threads) = (.cpu, .float32, 1)
        _ = try PruneRun(PrunePreparation(try recipe.resolved(), reporter: quiet).context).start()
        let configuration = try OpenedModel(work.path("pruned")).configuration
        let report = try export(work.path("pruned"), work.path("m.gguf"))
        #expect(!configuration.isUniform && report.architecture == "deci")
        #expect(report.layerCount + report.dropped.count == configuration.layerCount)
        // Read again it is the same model.
        let written = try OpenedModel(work.path("m.gguf"))
        #expect(!written.configuration.isUniform && written.configuration.layerCount == report.layerCount)
        #expect(
            try perplexity(work.path("pruned"), calibration) == perplexity(work.path("m.gguf"), calibration))
        let again = try export(work.path("m.gguf"), work.path("again.gguf"))
        #expect(again.architecture == "deci" && again.digest.count == 64)
        #expect(
            try perplexity(work.path("again.gguf"), calibration) == perplexity(work.path("m.gguf"), calibration))
    }

    @Test("Gemma's norms and windows")
    func gemma() throws {
        let (folder, work) = (try model { ($0.isGemma, $0.layers) = (true, 4) }, try TemporaryFolder())
        let output = work.path("m.gguf")
        #expect(try export(folder.path, output).architecture == "gemma3")
        let (own, written) = (try OpenedModel(folder.path).configuration, try OpenedModel(output).configuration)
        #expect(own.blueprint == written.blueprint)
        let file = try work.write("t.txt", text)
        let (dense, exported) = (try perplexity(folder.path, file), try perplexity(output, file))
        // One is added to its norms and taken away again.
        #expect(abs(exported / dense - 1) < 1e-4)
    }
}

@Suite("Layers of a GGUF file")
struct GGUFLayoutTests {
    private func layout(_ shapes: [(Int, Int, Int)]) throws -> GGUFLayout {
        let folder = try model { $0.layers = shapes.count }
        let configuration = try OpenedModel(folder.path).configuration.with(
            layers: shapes.map { LayerShape(headCount: $0.0, keyValueHeadCount: $0.1, intermediateSize: $0.2) })
        return GGUFLayout(configuration)
    }

    @Test("layers of one shape stay as they are")
    func uniform() throws {
        let layout = try layout([(2, 1, 24), (2, 1, 24)])
        #expect(!layout.isRagged && layout.dropped.isEmpty)
        #expect(layout.layers.allSatisfy { !$0.hasZeroMLP && !$0.hasZeroAttention })
    }

    @Test("missing halves become zeros where llama.cpp needs them, and empty layers are left out")
    func ragged() throws {
        let layout = try layout([(0, 0, 0), (0, 0, 8), (4, 2, 0), (0, 0, 0), (0, 0, 24), (2, 1, 0)])
        #expect(layout.isRagged && layout.dropped == [0, 3])
        #expect(layout.layers.map(\.source) == [1, 2, 4, 5])
        #expect(layout.layers.map(\.shape.headCount) == [1, 4, 0, 2])
        #expect(layout.layers.map(\.shape.keyValueHeadCount) == [1, 2, 0, 1])
        #expect(layout.layers.map(\.shape.intermediateSize) == [8, 32, 24, 32])
        #expect(layout.layers.map(\.hasZeroAttention) == [true, false, false, false])
        #expect(layout.layers.map(\.hasZeroMLP) == [false, true, false, true])
    }

    @Test("layers of one shape without a half are ragged, too")
    func halves() throws {
        #expect(try layout([(4, 2, 0), (4, 2, 0)]).isRagged)
        #expect(try layout([(0, 0, 24), (0, 0, 24)]).layers.map(\.hasZeroAttention) == [true, false])
    }

    @Test("rows of heads are interleaved as the reader puts them back")
    func interleaved() {
        let values = (0..<8).map(Float.init)
        #expect(GGUFTensorWriter.interleaved(values, rows: 8, head: 4) == [0, 2, 1, 3, 4, 6, 5, 7])
        #expect(GGUFTensorWriter.interleaved(values, rows: 4, head: 4) == [0, 1, 4, 5, 2, 3, 6, 7])
    }
}
