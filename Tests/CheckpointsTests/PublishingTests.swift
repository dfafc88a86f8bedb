import Faults
import Files
import Foundation
import JSONText
import Testing

@testable import Checkpoints

struct PublishingTests {
    let folder: TemporaryFolder
    let place: OutputPlace

    init() throws {
        folder = try TemporaryFolder()
        place = OutputPlace(folder.path("out"))
    }

    private func begin(_ place: OutputPlace? = nil) throws -> StagingFolder {
        try StagingFolder.begin(place ?? self.place, inputs: [], bytes: 0)
    }

    private let tensor = TensorDescription(name: "a", shape: [2], type: .f32)

    /// A published folder with one shard of weights.
    private func publish(_ place: OutputPlace? = nil) throws {
        let staging = try begin(place)
        try staging.write("config.json", Array(#"{"model_type":"llama"}"#.utf8))
        let digest = try staging.writeShard("model.safetensors", [(tensor, bytes(of: [1, 2]))])
        try staging.publish(known: [digest])
    }

    @Test func publishedFolderHoldsFilesAndRecordOnly() throws {
        try publish()
        #expect(try folder.names() == ["out"])
        #expect(try folder.names("out") == ["COMPLETE.json", "config.json", "model.safetensors"])
        let verified = try FolderVerification(folder.path("out"))
        #expect(verified.record.files.map(\.name) == ["config.json", "model.safetensors"])
        #expect(verified.warnings.isEmpty)
        #expect(try verified.checkpoint.floats("a") == [1, 2])
    }

    @Test func filesOfInnerFoldersArePublishedAndVerified() throws {
        try folder.write("t.jinja", "{{ x }}")
        let template = SideFile(name: "templates/t.jinja", content: .file(path: folder.path("t.jinja")))
        // What an interrupted run left in such a folder goes with the rest of it.
        do { try begin().copy(template) }
        let staging = try begin()
        #expect(try staging.names().isEmpty)
        try staging.write("config.json", Array(#"{"model_type":"llama"}"#.utf8))
        let digest = try staging.copy(template)
        #expect(digest.name == "templates/t.jinja")
        let weights = try staging.writeShard("model.safetensors", [(tensor, bytes(of: [1, 2]))])
        try staging.publish(known: [weights])
        let verified = try FolderVerification(folder.path("out"))
        #expect(verified.record.files.map(\.name) == ["config.json", "model.safetensors", "templates/t.jinja"])
        #expect(verified.warnings.isEmpty)
        try folder.write("out/templates/other.jinja", "x")
        #expect(try FolderVerification(folder.path("out")).warnings.contains { $0.contains("templates/other.jinja") })
        try folder.write("out/templates/t.jinja", "{{ y }}")
        fault(.badData, "not as it was published", "templates/t.jinja") { try FolderVerification(folder.path("out")) }
        // The folder may not be another one, even one with the right files.
        try folder.folder("elsewhere")
        try folder.write("elsewhere/t.jinja", "{{ x }}")
        try FileManager.default.removeItem(atPath: folder.path("out/templates"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("out/templates"), withDestinationPath: "../elsewhere")
        fault(.badData, "leads out of the model's folder") { try FolderVerification(folder.path("out")) }
    }

    @Test func existingOutputIsRefusedBeforeWork() throws {
        try publish()
        fault(.outputExists, "exists already", "--overwrite") { try place.check(inputs: [], bytes: 0) }
        fault(.outputExists, "exists already") { try begin() }
        #expect(try folder.names() == ["out"])
    }

    @Test func overwritingMovesTheOldFolderAside() throws {
        try publish()
        try folder.write("out/note.txt", "mine")
        try publish(OutputPlace(folder.path("out/"), overwrite: true))
        try publish(OutputPlace(folder.path("out"), overwrite: true))
        #expect(try folder.names() == ["out", "out.previous-1", "out.previous-2"])
        #expect(folder.exists("out.previous-1/note.txt"))
    }

    @Test func overwritingRefusesWhatWeDidNotMake() throws {
        try folder.folder("out")
        try folder.write("out/thesis.txt", "mine")
        fault(.outputExists, "did not make") {
            try OutputPlace(folder.path("out"), overwrite: true).check(inputs: [], bytes: 0)
        }
        try folder.write("file", "x")
        fault(.outputExists, "not a folder") {
            try OutputPlace(folder.path("file"), overwrite: true).check(inputs: [], bytes: 0)
        }
        try folder.folder("empty")
        try publish(OutputPlace(folder.path("empty"), overwrite: true))
        #expect(folder.exists("empty/COMPLETE.json"))
    }

    @Test func outputThatIsOrOverlapsTheInputIsRefused() throws {
        let input = try folder.folder("model")
        for (output, words) in [
            ("model", "output is the input"), ("model/", "output is the input"), ("model/out", "inside the input"),
            ("model/../model/x", "inside the input"),
        ] {
            fault(.usage, words) {
                try OutputPlace(folder.path(output), overwrite: true).check(inputs: [input], bytes: 0)
            }
        }
        fault(.usage, "input lies inside") { try OutputPlace(folder.path).check(inputs: [input], bytes: 0) }
        try OutputPlace(folder.path("model2")).check(inputs: [input], bytes: 0)
        #expect(try folder.names() == ["model"])
    }

    @Test func outputBehindALinkIntoTheInputIsRefused() throws {
        let input = try folder.folder("model")
        try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: input)
        fault(.usage, "inside the input") { try OutputPlace(folder.path("link/out")).check(inputs: [input], bytes: 0) }
    }

    @Test(arguments: ["", "/", ".", ".."]) func impossibleOutputIsRefused(output: String) {
        fault(.usage, "cannot be an output") { try OutputPlace(output).check(inputs: [], bytes: 0) }
    }

    @Test func missingParentIsRefusedBeforeWork() {
        fault(.inputOutput, "parent folder does not exist", "mkdir -p") {
            try OutputPlace(folder.path("no/out")).check(inputs: [], bytes: 0)
        }
    }

    #if os(Linux)
        @Test func unwritableParentIsRefusedBeforeWork() {
            fault(.inputOutput, "cannot be written", "/proc") {
                try OutputPlace("/proc/out").check(inputs: [], bytes: 0)
            }
        }
    #endif

    @Test func fullDiskIsRefusedBeforeWork() {
        fault(.inputOutput, "too full", "\(Int.max) bytes") { try place.check(inputs: [], bytes: .max) }
    }

    @Test func secondRunIsRefusedNamingTheHolder() throws {
        let first = try begin()
        fault(.outputExists, "another run", "process \(getpid()) on") { try begin() }
        fault(.outputExists, "another run") { try StagingFolder.resume(place) }
        withExtendedLifetime(first) {}
    }

    @Test func lockOfADeadProcessIsTakenOver() throws {
        try folder.write("out.partial.lock", "{\"pid\":999999999,\"host\":\"\(StagingLock.hostName())\"}\n")
        let staging = try begin()
        #expect(try String(contentsOfFile: folder.path("out.partial.lock"), encoding: .utf8).contains("\(getpid())"))
        withExtendedLifetime(staging) {}
    }

    @Test func damagedLockIsTakenOver() throws {
        try folder.write("out.partial.lock", "")
        _ = try begin()
        #expect(!folder.exists("out.partial.lock"))
    }

    @Test func lockOfAnotherHostIsRespected() throws {
        try folder.write("out.partial.lock", #"{"pid":1,"host":"elsewhere.invalid"}"#)
        fault(.outputExists, "process 1 on elsewhere.invalid", "remove") { try begin() }
        #expect(folder.exists("out.partial.lock"))
    }

    @Test func interruptedRunIsKeptAndCanBeResumed() throws {
        let digest: FileDigest
        do {
            let staging = try begin()
            digest = try staging.writeShard("model.safetensors", [(tensor, bytes(of: [1, 2]))])
            try Journal(staging.path(of: Journal.fileName)).append(.integer(1))
        }
        try folder.write("out.partial/model-2.safetensors.partial", "torn")
        fault(.outputExists, "interrupted run", "1 journal lines", "espalier resume") { try begin() }
        #expect(try place.leftover() == OutputPlace.Leftover(isOurs: true, committedLines: 1))
        guard case .unfinished(let staging) = try StagingFolder.resume(place) else {
            Issue.record("nothing to resume")
            return
        }
        #expect(try staging.names() == ["journal.jsonl", "model.safetensors"])
        try staging.check(digest)
        var other = digest
        other.sha256 = "0"
        fault(.badData, "not as it was written") { try staging.check(other) }
        try staging.remove(Journal.fileName)
        try staging.write("config.json", Array(#"{"model_type":"llama"}"#.utf8))
        try staging.publish()
        #expect(try folder.names("out") == ["COMPLETE.json", "config.json", "model.safetensors"])
        guard case .finished = try StagingFolder.resume(place) else {
            Issue.record("not finished")
            return
        }
    }

    @Test func crashBetweenRecordAndRenameIsResumed() throws {
        try publish()
        try FileManager.default.moveItem(atPath: folder.path("out"), toPath: folder.path("out.partial"))
        guard case .unfinished(let staging) = try StagingFolder.resume(place) else {
            Issue.record("nothing to resume")
            return
        }
        try staging.publish()
        _ = try FolderVerification(folder.path("out"))
    }

    @Test func leftoverWithoutJournalLinesIsStartedOver() throws {
        do { try begin().write("old", [1]) }
        let staging = try begin()
        #expect(try staging.names().isEmpty)
    }

    @Test func stagingFolderLeftBeforeItsMarkIsOurs() throws {
        try folder.folder("out.partial")
        try folder.write("out.partial/.staging.partial", "")
        try publish()
        #expect(try folder.names("out") == ["COMPLETE.json", "config.json", "model.safetensors"])
    }

    @Test func foreignFolderInThePlaceOfStagingIsLeftAlone() throws {
        try folder.folder("out.partial")
        try folder.write("out.partial/mine", "x")
        fault(.outputExists, "did not make") { try begin() }
        fault(.badData, "not the folder of an interrupted run") { try StagingFolder.resume(place) }
        #expect(folder.exists("out.partial/mine"))
    }

    @Test func resumingNothingIsMissingInput() {
        fault(.missingInput, "no interrupted run") { try StagingFolder.resume(place) }
    }

    @Test func changedMissingAndUnknownFilesAreFoundByVerification() throws {
        try publish()
        let out = folder.path("out")
        try folder.write("out/extra.txt", "x")
        #expect(try FolderVerification(out).warnings.contains { $0.contains("extra.txt") })
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: out + "/model.safetensors")))
        bytes[bytes.count - 1] ^= 1
        try folder.write("out/model.safetensors", bytes)
        fault(.badData, "not as it was published", "SHA-256", "model.safetensors") { try FolderVerification(out) }
        try FileManager.default.removeItem(atPath: out + "/config.json")
        fault(.missingInput, "config.json") { try FolderVerification(out) }
        try FileManager.default.removeItem(atPath: out + "/COMPLETE.json")
        fault(.missingInput, "no COMPLETE.json") { try FolderVerification(out) }
    }

    @Test func shardsAreNamedAndIndexed() throws {
        #expect(ShardName.name(1, of: 1) == "model.safetensors")
        #expect(ShardName.name(3, of: 31) == "model-00003-of-00031.safetensors")
        let second = TensorDescription(name: "B", shape: [3], type: .f16)
        let text = String(decoding: ShardName.indexBytes([("x", [tensor]), ("y", [second])]), as: UTF8.self)
        #expect(
            text == """
                {
                  "metadata": {
                    "total_size": 14
                  },
                  "weight_map": {
                    "B": "y",
                    "a": "x"
                  }
                }

                """)
    }
}

struct JournalTests {
    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.path("journal.jsonl")
    }

    @Test func linesAreReadBackInOrder() throws {
        let journal = try Journal(path)
        try journal.append(.object(["block": .integer(0), "text": .string("a\nb")]))
        try journal.append(.array([.number("1e-05")]))
        #expect(try Journal.read(path).map { $0.text(pretty: false) } == [#"{"block":0,"text":"a\nb"}"#, "[1e-05]"])
        #expect(try Journal.read(folder.path("none")).isEmpty)
    }

    @Test(arguments: ["{\"block\":1", "{\"block\":", "{\"blo\n", "\u{0}\u{0}\u{0}\n"])
    func tornLastLineIsDiscardedAndCutOff(torn: String) throws {
        try folder.write("journal.jsonl", "{\"block\":0}\n" + torn)
        #expect(try Journal.read(path).count == 1)
        try Journal(path).append(.integer(7))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"block\":0}\n7\n")
    }

    @Test func damagedLineInTheMiddleIsRefused() throws {
        try folder.write("journal.jsonl", "1\n{\n3\n")
        fault(.badData, "journal is damaged", "line 2") { try Journal.read(path) }
    }
}
