import Checkpoints
import Faults
import Files
import Foundation
import JSONText
import Publishing
import Recipes
import Reports
import Runs
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

struct VerifyTests {
    /// A published run on a tiny model.
    private final class Published {
        let parent: TemporaryFolder
        var folder: String { parent.path + "/out" }

        init(
            tiny change: (inout TinyModel) -> Void = { _ in }, _ recipe: (inout PruneRecipe) -> Void
        ) throws {
            parent = try TemporaryFolder()
            let source = try model(change)
            let writer = try SafetensorsWriter(
                parent.path + "/t.safetensors", [TensorDescription(name: "tokens", shape: [8, 16], type: .i32)])
            let ids = (0..<128).map { Int32($0 * 37 % 251) }
            try writer.write("tokens", ids.withUnsafeBytes { Array($0) })
            _ = try writer.finish()
            var wish = PruneRecipe()
            wish.model = source.path
            wish.output = folder
            wish.calibration = [parent.path + "/t.safetensors"]
            (wish.samples, wish.device, wish.dtype, wish.threads) = (8, .cpu, .float32, 1)
            recipe(&wish)
            _ = try PruneRun(try PrunePreparation(try wish.resolved(), reporter: quiet).context).start()
        }

        /// Writes a file anew, and a completion record that vouches for it.
        func replace(_ name: String, _ bytes: [UInt8]) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: folder + "/" + name))
            var files = JSONObject()
            for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            where name != CompletionRecord.fileName {
                let digest = try FileDigest(contentsOf: folder + "/" + name)
                files[name] = .object(["bytes": .integer(digest.bytes), "sha256": .string(digest.sha256)])
            }
            let record = JSONValue.object([
                "format": .string("espalier"), "version": .integer(1), "files": .object(files),
            ])
            try Data(record.text().utf8).write(to: URL(fileURLWithPath: folder + "/" + CompletionRecord.fileName))
        }

        var report: JSONValue {
            get throws { try JSONValue(parsing: try ReadableFile.bytes(folder + "/report.json")) }
        }

        /// Changes a float32 weight in the file.
        func edit(_ name: String, _ change: (inout [Float]) -> Void) throws {
            let path = folder + "/model.safetensors"
            var bytes = try ReadableFile.bytes(path)
            let header = Int(bytes[..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) })
            let entry = try #require(
                try JSONValue(parsing: bytes[8..<8 + header]).objectValue?[name]?.objectValue?["data_offsets"]?
                    .arrayValue)
            let range = entry.compactMap(\.integerValue).map { $0 + 8 + header }
            var values = bytes[range[0]..<range[1]].withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            change(&values)
            bytes.replaceSubrange(range[0]..<range[1], with: values.withUnsafeBytes { Array($0) })
            try replace("model.safetensors", bytes)
        }

        func verify() throws(Fault) -> PublishedFolder { try PublishedFolder(folder, reporter: quiet) }

        var fault: Fault? {
            do throws(Fault) {
                _ = try verify()
                return nil
            } catch { return error }
        }
    }

    enum Arm: CaseIterable {
        case magnitude, wanda, sparsegpt, wandaPlusPlus, paper, owl, search, searchedPattern, some

        func apply(_ recipe: inout PruneRecipe) {
            recipe.sparsity = try? Sparsity(0.37)
            switch self {
            case .magnitude: recipe.method = "magnitude"
            case .wanda: recipe.method = "wanda"
            case .sparsegpt: recipe.method = "sparsegpt"
            case .wandaPlusPlus: recipe.rounds = 1
            case .paper:
                recipe.preset = .paper
                (recipe.rounds, recipe.roundSamples) = (1, 4)
            case .owl:
                recipe.method = "wanda"
                recipe.allocation = .owl
            case .search:
                recipe.method = "sparsegpt"
                recipe.allocation = .search
            case .searchedPattern:
                recipe.method = "wanda"
                recipe.allocation = .search
                recipe.sparsity = nil
                recipe.pattern = .keep(2, of: 4)
            case .some:
                recipe.method = "wanda"
                recipe.targets = ["mlp"]
                recipe.ignore = [#"layers\.0"#]
            }
        }
    }

    @Test func resultsThatBelongThereAreNoReasonToWarn() throws {
        let published = try Published { $0.method = "magnitude" }
        let report = try PublishedRun(folder: published.folder)
        try ReportPage([report], limits: Verdict.Limits()).html.write(
            toFile: published.folder + "/report.html", atomically: true, encoding: .utf8)
        let evaluation = EvaluationReport(model: "m", against: nil, environment: .null)
        let verdict = #"{"verdict": "not comparable", "stage": "full", "checks": [], "notes": []}"#
        for (name, text) in [
            ("results.json", evaluation.json.text()), ("benchmark.json", #"{"runs": []}"#),
            ("gate.json", verdict),
        ] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: published.folder + "/" + name))
        }
        try FileManager.default.createDirectory(
            atPath: published.folder + "/report.html.charts", withIntermediateDirectories: false)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: published.folder + "/report.html.charts/kl.vl.json"))
        let found = try PublishedFolder(published.folder, reporter: quiet)
        #expect(found.warnings.isEmpty)
        let names = ["benchmark.json", "gate.json", "report.html", "report.html.charts/kl.vl.json", "results.json"]
        #expect(found.results == names && found.text.contains("without a digest: " + names.joined(separator: ", ")))

        // What has the name of one and is none, and what nobody knows.
        for (name, text) in [
            ("results.json", "{}"), ("benchmark.json", "[]"), ("gate.json", "no"), ("report.html", "<p>"),
            ("notes.txt", "x"),
        ] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: published.folder + "/" + name))
        }
        let wrong = try PublishedFolder(published.folder, reporter: quiet)
        #expect(wrong.results.isEmpty && wrong.warnings.count == 6)
        #expect(
            wrong.warnings.contains { $0.contains("results.json: not in COMPLETE.json, nor what `espalier evaluate") })
        #expect(wrong.warnings.contains { $0.hasSuffix("notes.txt: not in COMPLETE.json") })
    }

    @Test(arguments: Arm.allCases) func whatEveryMethodPublishesIsSoundAndCounted(_ arm: Arm) throws {
        let published = try Published { arm.apply(&$0) }
        let found = try published.verify()
        let json = try #require(found.json.objectValue)
        let report = try #require(try published.report.objectValue)
        #expect(found.linears == report["linears"]?.arrayValue?.count && json["sound"]?.boolValue == true)
        #expect(found.sparsity == report["sparsity"]?.objectValue?["achieved"]?.doubleValue)
        #expect(json["zeros"] == json["zeros_asked"] && json["zeros_exact"]?.boolValue == true)
        #expect(json["compared"]?.arrayValue?.count == 2)
        #expect(found.text.contains("exactly that many found, in every "))

        // One weight more than there should be.
        let name = try #require(report["linears"]?.arrayValue?.last?.stringValue)
        try published.edit(name) { values in
            if let zero = values.firstIndex(of: 0) { values[zero] = 1 }
        }
        let fault = try #require(published.fault)
        #expect(fault.kind == .badData && fault.place == "tensor '\(name)'")
    }

    @Test func zerosThatAreInAnotherGroupThanTheyShouldBeAreFound() throws {
        for pattern in [Pattern.keep(2, of: 4), .unstructured] {
            let published = try Published {
                $0.method = "wanda"
                $0.pattern = .zeros(pattern)
            }
            let name = "model.layers.0.mlp.up_proj.weight"
            try published.edit(name) { values in
                // From the first row into the last: the counts of the whole stay.
                let (zero, other) = (values.firstIndex(of: 0), values.lastIndex { $0 != 0 })
                if let zero, let other { (values[zero], values[other]) = (1, 0) }
            }
            let fault = try #require(published.fault)
            #expect(fault.kind == .badData && fault.place == "tensor '\(name)'")
            #expect(
                fault.expected
                    == (pattern == .unstructured
                        ? "at least 8 in every row" : "at least 2 in every 4 consecutive columns of a row"))
        }
    }

    @Test func zerosOfTheSourceAreMoreThanAskedForAndAreSaid() throws {
        let published = try Published {
            $0.edit = { name, values in
                guard name.hasSuffix("up_proj.weight") else { return }
                for index in values.indices where index % 16 < 12 { values[index] = 0 }
            }
        } _: {
            $0.method = "wanda"
        }
        let found = try published.verify()
        let json = try #require(found.json.objectValue)
        // 24 rows of two blocks with 12 zeros where 8 were asked for.
        #expect(json["zeros"]?.integerValue == (json["zeros_asked"]?.integerValue ?? 0) + 2 * 24 * 4)
        #expect(json["zeros_exact"]?.boolValue == false && found.text.contains("192 more: zeros of the source"))
    }

    private static let kinds = ["tyr", "uniform", "kv-cache"]

    private func structured(_ kind: String) throws -> Published {
        try Published {
            $0.layers = 3
        } _: {
            $0.method = "tyr"
            $0.effort = .quick
            $0.sparsity = try? Sparsity(0.3)
            if kind == "uniform" { $0.isUniform = true }
            if kind == "kv-cache" { $0.budget = .keyValueCache }
        }
    }

    @Test(arguments: VerifyTests.kinds) func structuresAreHeldAgainstTheReport(_ kind: String) throws {
        let published = try structured(kind)
        let found = try published.verify()
        #expect(found.pattern == "structured" && found.json.objectValue?["compared"]?.arrayValue?.count == 2)
        var paths: [([String], JSONValue)] = [
            (["structure", "layers", "1", "intermediate_size"], .integer(23)),
            (["structure", "layers", "0", "num_attention_heads"], .integer(1)),
            (["structure", "plain"], .bool(kind != "uniform")), (["structure", "budget", "after"], .integer(5)),
            (["structure", "budget", "of"], .string("bytes")),
            (["structure", "budget", "before"], .integer(5)), (["blocks", "1", "weights"], .integer(100)),
            (["blocks", "1", "removed"], .integer(1)), (["blocks", "2", "index"], .integer(1)),
            (["blocks", "0", "sparsity", "up"], .double(0.123)), (["linears", "0"], .string("model.norm.weight")),
            (["pattern"], .string("unstructured")),
        ]
        paths += [Int.min, -1, 1 << 62, Int.max].flatMap { (number: Int) -> [([String], JSONValue)] in
            [
                (["blocks", "1", "weights"], .integer(number)), (["blocks", "1", "removed"], .integer(number)),
                (["structure", "layers", "1", "num_key_value_heads"], .integer(number)),
                (["structure", "layers", "1", "intermediate_size"], .integer(number)),
                (["structure", "budget", "before"], .integer(number)), (["parameters", "before"], .integer(number)),
            ]
        }
        // A layer that is gone has no shape that others are held against.
        let gone = try JSONValue(
            parsing: "{\"num_attention_heads\": 0, \"num_key_value_heads\": \(Int.max), \"intermediate_size\": 0}")
        let layers = try #require(try published.report.objectValue?["structure"]?.objectValue?["layers"]?.arrayValue)
        paths.append((["structure", "layers"], .array(layers + [gone, gone])))
        paths += VerifyTests.shared
        try expectFaults(published, paths)
    }

    private static let shared: [([String], JSONValue)] = [
        (["sparsity", "achieved"], .double(0.31)), (["sparsity", "asked"], .double(0.31)),
        (["parameters", "after"], .integer(17)), (["parameters", "before"], .integer(17)),
        (["method"], .string("magnitude")), (["preset"], .string("paper")), (["pattern"], .string("4:8")),
        (["pattern"], .string("4:2")), (["linears"], .array([])), (["blocks"], .array([])),
        (["linears", "0"], .integer(3)),
        (["linears"], .null), (["blocks"], .null), (["pattern"], .null),
    ]

    @Test(arguments: [Arm.wanda, .search]) func aReportThatWasChangedIsFound(_ arm: Arm) throws {
        let published = try Published { arm.apply(&$0) }
        let paths: [([String], JSONValue)] = [
            (["blocks", "1", "sparsity", "q"], .double(0.5)), (["blocks", "0", "removed"], .integer(1)),
            (["blocks", "0", "weights"], .integer(1)), (["blocks", "0", "index"], .integer(1)),
            (["linears", "2"], .string("no.such.weight")), (["pattern"], .string("structured")),
            (["calibration", "seed"], .integer(1)), (["calibration", "samples"], .integer(9)),
            (["calibration", "samples_asked"], .null), (["calibration", "sources", "0", "samples"], .integer(7)),
            (["calibration", "sources", "0", "file"], .string("other.safetensors")),
            (["calibration", "sources", "0", "weight"], .double(2)), (["calibration", "sources"], .array([])),
            (["calibration", "sources", "0", "samples"], .integer(.max)),
            (["calibration", "sources", "0", "samples"], .null), (["blocks", "0", "removed"], .integer(.min)),
        ]
        try expectFaults(published, paths + VerifyTests.shared)
        if arm == .search { try expectFaults(published, [(["blocks", "0", "asked", "up"], .double(0.95))]) }
    }

    private func expectFaults(_ published: Published, _ paths: [([String], JSONValue)]) throws {
        let report = try published.report
        for (path, value) in paths {
            try published.replace("report.json", Array(report.replacing(path[...], by: value).text().utf8))
            #expect(published.fault?.kind == .badData, "\(path.joined(separator: "."))")
        }
        try published.replace("report.json", Array("not JSON".utf8))
        #expect(published.fault?.kind == .badData)
        try published.replace("report.json", Array(report.text().utf8))
        #expect(published.fault == nil)
    }

    @Test func aRecipeThatWasChangedIsFound() throws {
        let published = try Published { $0.method = "wanda" }
        let recipe = String(decoding: try ReadableFile.bytes(published.folder + "/recipe.yaml"), as: UTF8.self)
        for (old, new) in [
            ("sparsity: 0.5", "sparsity: 0.4"), ("method: wanda", "method: magnitude"),
            ("targets: []", "targets: [up_proj]"), ("seed: 0", "seed: 1"), ("samples: 8", "samples: 4"),
            ("version: 1", "version: x"), ("targets: []", "targets: [none]"),
        ] {
            try #require(recipe.contains(old))
            try published.replace("recipe.yaml", Array(recipe.replacing(old, with: new).utf8))
            #expect(published.fault?.kind == .badData, "\(new)")
        }
    }

    @Test func prunedWeightsThatAreNotNumbersAreFound() throws {
        let published = try Published { $0.method = "wanda" }
        let name = "model.layers.0.mlp.up_proj.weight"
        try published.edit(name) { $0[$0.firstIndex { $0 != 0 } ?? 0] = .nan }
        #expect(published.fault?.found == "1 of 384" && published.fault?.place == "tensor '\(name)'")
    }

    @Test func aShapeThatTheConfigurationDoesNotCallForIsFound() throws {
        let published = try structured("tyr")
        let path = published.folder + "/config.json"
        let json = String(decoding: try ReadableFile.bytes(path), as: UTF8.self)
        let changed = json.replacing("\"hidden_size\": 16", with: "\"hidden_size\": 32")
        #expect(changed != json)
        try published.replace("config.json", Array(changed.utf8))
        #expect(published.fault?.kind == .badData)
    }

    @Test func aChangedByteIsFound() throws {
        let published = try Published { $0.method = "magnitude" }
        let path = published.folder + "/model.safetensors"
        var bytes = try ReadableFile.bytes(path)
        bytes[bytes.count - 1] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        #expect(published.fault?.kind == .badData && published.fault?.file == path)
    }

    @Test func aFolderWithoutAReportIsVerifiedWithoutAPattern() throws {
        let (source, parent) = (try model(), try TemporaryFolder())
        let staging = try StagingFolder.begin(OutputPlace(parent.path + "/out"), inputs: [], bytes: 0)
        try staging.publish(
            try ["config.json", "tokenizer.json", "model.safetensors"].map { name in
                try staging.write(name, try ReadableFile.bytes(source.path + "/" + name))
            })
        let found = try PublishedFolder(parent.path + "/out", reporter: quiet)
        #expect(found.pattern == nil && found.linears == 0 && found.files == 3)
    }

    @Test func aFolderThatWasNotPublishedIsMissingInput() throws {
        let folder = try model()
        for path in [folder.path, folder.path + "/none"] {
            do throws(Fault) {
                _ = try PublishedFolder(path, reporter: quiet)
                Issue.record("\(path) was verified")
            } catch { #expect(error.kind == .missingInput) }
        }
    }
}

extension JSONValue {
    /// The document with one value replaced; a number in the path is an element's place.
    fileprivate func replacing(_ path: ArraySlice<String>, by value: JSONValue) -> JSONValue {
        guard let key = path.first else { return value }
        if var list = arrayValue, let place = Int(key), list.indices.contains(place) {
            list[place] = list[place].replacing(path.dropFirst(), by: value)
            return .array(list)
        }
        guard var object = objectValue else { return self }
        object[key] = (object[key] ?? .null).replacing(path.dropFirst(), by: value)
        return .object(object)
    }
}
