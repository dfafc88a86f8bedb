import Checkpoints
import Faults
import Foundation
import JSONText
import Recipes
import Settings
import RunSupport
import TestSupport
import Testing

@testable import Runs

@Suite("Resuming")
struct ResumeTests {

    /// Copies the staging folder whenever a block is committed, and once before the first.
    private func snapshots(_ bench: Bench, _ change: @escaping (inout PruneRecipe) -> Void) throws -> [String] {
        var names: [String] = []
        func keep() throws {
            names.append("copy-\(names.count)")
            try bench.copy("out.partial", to: names[names.count - 1])
        }
        try bench.prune("out", change) { event in
            switch event {
            case .finished: try? keep()
            // The first progress of a block's work: the journal has the run's own line.
            case .progress(0, _, let fraction) where fraction < 0.4 && names.isEmpty: try? keep()
            default: break
            }
        }
        return names
    }

    @Test(
        "an abort at every block ends in the same bytes as none",
        arguments: [Arm.magnitude, .wanda, .sparsegpt, .wandaPlusPlus, .paper])
    func everyBlock(arm: Arm) throws {
        let bench = try Bench { $0.layers = 3 }
        let copies = try snapshots(bench) {
            arm.apply(to: &$0)
            $0.seed = 7
        }
        #expect(copies.count >= 3)
        let whole = try bench.files("out")
        for copy in copies {
            bench.remove("out")
            try bench.copy(copy, to: "out.partial")
            #expect(try bench.resume("out") != nil)
            #expect(Folder.differences(try bench.files("out"), whole) == [], "\(copy)")
            #expect(!bench.exists("out.partial"))
        }
    }

    @Test("a journal without batch_tokens goes on with the processor's number, and one with them with its own")
    func batchTokens() throws {
        for (own, expected) in [(nil, 2048), (64, 64)] as [(Int?, Int)] {
            let bench = try Bench { $0.layers = 2 }
            let copies = try snapshots(bench) {
                $0.method = "wanda"
                $0.batchTokens = own
            }
            bench.remove("out")
            try bench.copy(try #require(copies.first), to: "out.partial")
            let journal = try String(contentsOfFile: bench.path("out.partial/journal.jsonl"), encoding: .utf8)
            #expect(journal.contains("batch_tokens") == (own != nil))
            #expect(try PruneRun.interrupted(output: bench.path("out"))?.batchTokens == expected)
        }
    }

    @Test("an abort between shards, before the last files and before the last name ends in the same bytes")
    func publication() throws {
        let bench = try Bench { $0.layers = 3 }
        let change: (inout PruneRecipe) -> Void = {
            $0.method = "wanda"
            $0.shardSize = try? ByteSize(parsing: "10KB")
        }
        try bench.prune("whole", change)
        let whole = try bench.files("whole")
        let shards = whole.keys.filter { $0.hasPrefix("model-") }.sorted()
        #expect(shards.count > 2)
        // A folder that has a file's name makes writing that file fail, as a full disk would.
        for name in Array(shards.dropFirst()) + [ShardName.index, "config.json", "recipe.yaml", "report.json"] {
            let failure = fault {
                try bench.prune("out", change) { event in
                    guard case .note("writing the checkpoint") = event else { return }
                    try? FileManager.default.createDirectory(
                        atPath: bench.path("out.partial/\(name)"), withIntermediateDirectories: false)
                    try? Data("x".utf8).write(to: URL(fileURLWithPath: bench.path("out.partial/\(name)/x")))
                }
            }
            #expect(failure?.kind == .inputOutput, "\(name)")
            bench.remove("out.partial/\(name)")
            #expect(try bench.resume("out") != nil)
            #expect(Folder.differences(try bench.files("out"), whole) == [], "\(name)")
            bench.remove("out")
        }
        // The output's name is taken at the last moment.
        let taken = fault {
            try bench.prune("out", change) { event in
                guard case .note("writing the checkpoint") = event else { return }
                try? FileManager.default.createDirectory(
                    atPath: bench.path("out/somebody"), withIntermediateDirectories: true)
            }
        }
        #expect(taken?.kind == .outputExists)
        bench.remove("out")
        try bench.resume("out")
        #expect(Folder.differences(try bench.files("out"), whole) == [])
        #expect(!bench.exists("out.partial"))
    }

    @Test("an abort before the old output is moved aside ends with the new one, and keeps the old")
    func replacement() throws {
        let bench = try Bench()
        try bench.prune("out") { $0.method = "magnitude" }
        let old = try bench.files("out")
        try bench.prune("whole") { $0.method = "wanda" }
        try bench.prune(
            "out",
            {
                $0.method = "wanda"
                $0.overwrite = true
            }
        ) { event in
            guard case .publishing = event else { return }
            try? bench.copy("out.partial", to: "kept")
        }
        // As it was at that moment.
        bench.remove("out")
        try bench.copy("out.previous-1", to: "out")
        bench.remove("out.previous-1")
        try bench.copy("kept", to: "out.partial")
        #expect(try bench.resume("out") == nil)
        let (found, whole) = (try bench.files("out"), try bench.files("whole"))
        #expect(found.keys.sorted() == whole.keys.sorted())
        #expect(found["model.safetensors"] == whole["model.safetensors"])
        #expect(Folder.differences(try bench.files("out.previous-1"), old) == [])
        #expect(!bench.exists("out.partial"))
    }

    @Test("parts that a shard has replaced may be there still")
    func staleParts() throws {
        let bench = try Bench()
        let change: (inout PruneRecipe) -> Void = { $0.method = "wanda" }
        var parts: [String: Data] = [:]
        _ = fault {
            try bench.prune("out", change) { event in
                guard case .note("writing the checkpoint") = event else { return }
                parts = (try? bench.files("out.partial")) ?? [:]
                try? FileManager.default.createDirectory(
                    atPath: bench.path("out.partial/config.json/x"), withIntermediateDirectories: true)
            }
        }
        bench.remove("out.partial/config.json")
        for (name, bytes) in parts where name.hasPrefix("part-") {
            try bytes.write(to: URL(fileURLWithPath: bench.path("out.partial/\(name)")))
        }
        try bench.resume("out")
        try bench.prune("whole", change)
        #expect(Folder.differences(try bench.files("out"), try bench.files("whole")) == [])
    }

    @Test("a torn last line is as if it had not been written", arguments: [1, 20, 200])
    func tornLine(cut: Int) throws {
        let bench = try Bench()
        let copies = try snapshots(bench) { $0.method = "wanda" }
        let whole = try bench.files("out")
        bench.remove("out")
        try bench.copy(try #require(copies.last), to: "out.partial")
        let journal = URL(fileURLWithPath: bench.path("out.partial/journal.jsonl"))
        try Data(contentsOf: journal).dropLast(cut).write(to: journal)
        try bench.resume("out")
        #expect(Folder.differences(try bench.files("out"), whole) == [])
    }

    @Test("a damaged part is found and named")
    func damagedPart() throws {
        let bench = try Bench()
        let copies = try snapshots(bench) { $0.method = "wanda" }
        bench.remove("out")
        try bench.copy(try #require(copies.last), to: "out.partial")
        let part = URL(fileURLWithPath: bench.path("out.partial/part-00001.safetensors"))
        var bytes = try Data(contentsOf: part)
        bytes[bytes.count - 1] ^= 1
        try bytes.write(to: part)
        let found = try #require(fault { try bench.resume("out") })
        #expect(found.kind == .badData && found.file?.hasSuffix("part-00001.safetensors") == true)
    }

    @Test("a run whose model, tokens or threads changed is refused, and the fault names which")
    func changes() throws {
        let bench = try Bench()
        let copies = try snapshots(bench) { $0.method = "wanda" }
        bench.remove("out")
        let copy = try #require(copies.dropFirst().first)
        try bench.copy(copy, to: "out.partial")

        try bench.writeTokens(Bench.rows(seed: 6))
        let tokens = try #require(fault { try bench.resume("out") })
        #expect(tokens.kind == .usage && tokens.summary.contains("the calibration tokens"))
        #expect(tokens.found != nil && tokens.found != tokens.expected)
        try bench.writeTokens(Bench.rows())

        var other = TinyModel()
        other.vocabulary = Bench.vocabulary
        other.hasTokenizer = false
        other.seed = 2
        try other.write(to: bench.model)
        let model = try #require(fault { try bench.resume("out") })
        #expect(model.kind == .usage && model.summary.contains("the model's files"))
        other.seed = 1
        try other.write(to: bench.model)

        let journal = URL(fileURLWithPath: bench.path("out.partial/journal.jsonl"))
        let text = try String(contentsOf: journal, encoding: .utf8)
        try Data(text.replacingOccurrences(of: #""threads":1"#, with: #""threads":3"#).utf8).write(to: journal)
        let threads = try #require(fault { try bench.resume("out") })
        #expect(threads.kind == .usage && threads.summary.contains("the number of threads"))
        try Data(text.utf8).write(to: journal)
        #expect(try bench.resume("out") != nil)
    }

    @Test("a finished run has nothing to resume, and what is none is refused")
    func finished() throws {
        let bench = try Bench()
        try bench.prune("out") { $0.method = "magnitude" }
        let before = try bench.files("out")
        #expect(try bench.resume("out") == nil)
        #expect(try bench.files("out") == before)
        #expect(fault { try bench.resume("nowhere") }?.kind == .missingInput)
    }

    @Test("a run that ended before its first line has to be started again, and can be")
    func beforeTheFirstLine() throws {
        let bench = try Bench()
        let copies = try snapshots(bench) { $0.method = "wanda" }
        let whole = try bench.files("out")
        bench.remove("out")
        try bench.copy(copies[0], to: "out.partial")
        try Data().write(to: URL(fileURLWithPath: bench.path("out.partial/journal.jsonl")))
        let found = try #require(fault { try bench.resume("out") })
        #expect(found.kind == .missingInput && found.advice?.contains("espalier prune") == true)
        try bench.prune("out") { $0.method = "wanda" }
        #expect(Folder.differences(try bench.files("out"), whole) == [])
    }

    @Test("a new run does not replace an interrupted one unless told to")
    func interruptedInTheWay() throws {
        let bench = try Bench()
        let copies = try snapshots(bench) { $0.method = "wanda" }
        bench.remove("out")
        try bench.copy(try #require(copies.last), to: "out.partial")
        let found = try #require(fault { try bench.prune("out") { $0.method = "wanda" } })
        #expect(found.kind == .outputExists && found.advice?.contains("espalier resume") == true)
        try bench.prune("out") {
            $0.method = "wanda"
            $0.overwrite = true
        }
        #expect(bench.exists("out/COMPLETE.json"))
    }

    @Test("a run that fails before its first block leaves nothing in the way")
    func nothingCommitted() throws {
        let bench = try Bench { tiny in
            tiny.edit = { name, values in if name.contains("layers.0") { values[0] = .nan } }
        }
        let failure = fault { try bench.prune("out") { $0.method = "wanda" } }
        #expect(failure?.kind == .badData)
        #expect(!bench.exists("out.partial") && !bench.exists("out.partial.lock"))
        let offload = fault { try bench.prune("out") { $0.offload = "/nonexistent" } }
        #expect(offload?.kind == .inputOutput && !bench.exists("out.partial"))
    }

    @Test("a run tells when it can be resumed and when it publishes, in this order")
    func stages() throws {
        let bench = try Bench()
        var stages: [String] = []
        try bench.prune("out", { $0.method = "magnitude" }) { event in
            switch event {
            case .resumable: stages.append(bench.exists("out.partial/journal.jsonl") ? "resumable" : "too early")
            case .publishing: stages.append(bench.exists("out.partial/COMPLETE.json") ? "publishing" : "too early")
            default: break
            }
        }
        #expect(stages == ["resumable", "publishing"])
    }

    @Test("an allocation measured before the interruption is kept")
    func allocation() throws {
        let bench = try Bench { $0.layers = 3 }
        let change: (inout PruneRecipe) -> Void = {
            $0.method = "wanda"
            $0.allocation = .owl
        }
        try bench.prune("whole", change)
        var copied = false
        try bench.prune("out", change) { event in
            guard case .finished = event, !copied else { return }
            copied = true
            try? bench.copy("out.partial", to: "copy")
        }
        bench.remove("out")
        try bench.copy("copy", to: "out.partial")
        try bench.resume("out")
        #expect(Folder.differences(try bench.files("out"), try bench.files("whole")) == [])
    }
}
