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

    /// What a model has at least.
    private func files(_ staging: StagingFolder) throws -> [FileDigest] {
        [
            try staging.write("config.json", Array(#"{"model_type":"llama"}"#.utf8)),
            try staging.writeShard("model.safetensors", [(tensor, bytes(of: [1, 2]))]),
        ]
    }

    /// A published folder with one shard of weights.
    private func publish(_ place: OutputPlace? = nil) throws {
        let staging = try begin(place)
        try staging.publish(try files(staging))
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
        let template = SideFile(name: "chat_templates/t.jinja", content: .file(path: folder.path("t.jinja")))
        // What an interrupted run left in such a folder goes with the rest of it.
        do { try begin().copy(template) }
        let staging = try begin()
        #expect(try staging.names().isEmpty)
        let digest = try staging.copy(template)
        #expect(digest.name == "chat_templates/t.jinja")
        try staging.publish(try files(staging) + [digest])
        let verified = try FolderVerification(folder.path("out"))
        #expect(verified.record.files.map(\.name) == ["chat_templates/t.jinja", "config.json", "model.safetensors"])
        #expect(verified.warnings.isEmpty)
        try folder.write("out/chat_templates/other.jinja", "x")
        #expect(
            try FolderVerification(folder.path("out")).warnings.contains { $0.contains("chat_templates/other.jinja") })
        try folder.write("out/chat_templates/t.jinja", "{{ y }}")
        fault(.badData, "not as it was published", "chat_templates/t.jinja") {
            try FolderVerification(folder.path("out"))
        }
        // The folder may not be another one, even one with the right files.
        try folder.folder("elsewhere")
        try folder.write("elsewhere/t.jinja", "{{ x }}")
        try FileManager.default.removeItem(atPath: folder.path("out/chat_templates"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("out/chat_templates"), withDestinationPath: "../elsewhere")
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
        fault(.outputExists, "process 1 on elsewhere.invalid", "rm ") { try begin() }
        #expect(folder.exists("out.partial.lock"))
    }

    @Test func interruptedRunIsKeptAndCanBeResumed() throws {
        let digest: FileDigest
        do {
            let staging = try begin()
            digest = try staging.writeShard("model.safetensors", [(tensor, bytes(of: [1, 2]))])
            try Journal(staging.path(of: Journal.fileName)).append(.integer(1))
        }
        try folder.write("out.partial/.model-2.safetensors.0123456789abcdef.espalier-tmp", "torn")
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
        try staging.publish([try staging.write("config.json", Array(#"{"model_type":"llama"}"#.utf8)), digest])
        #expect(try folder.names("out") == ["COMPLETE.json", "config.json", "model.safetensors"])
        guard case .finished = try StagingFolder.resume(place) else {
            Issue.record("not finished")
            return
        }
    }

    /// Publishes, and gives a copy of the folder as it was before its last name.
    private func publishKeeping(_ name: String) throws {
        let staging = try begin()
        try staging.publish(try files(staging)) {
            try? FileManager.default.copyItem(atPath: staging.path, toPath: folder.path(name))
        }
    }

    @Test func crashBetweenRecordAndRenameIsResumed() throws {
        try publishKeeping("copy")
        try FileManager.default.removeItem(atPath: folder.path("out"))
        try FileManager.default.moveItem(atPath: folder.path("copy"), toPath: folder.path("out.partial"))
        guard case .unfinished(let staging) = try StagingFolder.resume(place) else {
            Issue.record("nothing to resume")
            return
        }
        #expect(staging.isRecorded)
        try staging.publishRecorded()
        #expect(try folder.names("out") == ["COMPLETE.json", "config.json", "model.safetensors"])
        _ = try FolderVerification(folder.path("out"))
    }

    @Test func crashBehindTheRenameIsTidiedUp() throws {
        try publishKeeping("copy")
        try FileManager.default.removeItem(atPath: folder.path("out"))
        try FileManager.default.moveItem(atPath: folder.path("copy"), toPath: folder.path("out"))
        try folder.write("out.partial.lock", "{\"pid\":999999999,\"host\":\"\(StagingLock.hostName())\"}\n")
        guard case .finished = try StagingFolder.resume(place) else {
            Issue.record("not finished")
            return
        }
        #expect(try folder.names() == ["out"])
        #expect(try folder.names("out") == ["COMPLETE.json", "config.json", "model.safetensors"])
    }

    @Test func whatWasChangedBeforeTheLastNameIsNotPublished() throws {
        try publishKeeping("copy")
        try FileManager.default.removeItem(atPath: folder.path("out"))
        try FileManager.default.moveItem(atPath: folder.path("copy"), toPath: folder.path("out.partial"))
        try folder.write("out.partial/config.json", #"{"model_type":"llamb"}"#)
        guard case .unfinished(let staging) = try StagingFolder.resume(place) else {
            Issue.record("nothing to resume")
            return
        }
        fault(.badData, "not as it was written", "config.json") { try staging.publishRecorded() }
        #expect(!folder.exists("out"))
    }

    @Test func leftoverWithoutJournalLinesIsStartedOver() throws {
        do { try begin().write("config.json", [1]) }
        let staging = try begin()
        #expect(try staging.names().isEmpty)
    }

    @Test func stagingFolderLeftBeforeItsMarkIsOurs() throws {
        try folder.folder("out.partial")
        try folder.write("out.partial/..staging.0123456789abcdef.espalier-tmp", "")
        try publish()
        #expect(try folder.names("out") == ["COMPLETE.json", "config.json", "model.safetensors"])
    }

    @Test func publishedModelThatIsNamedLikeAStagingFolderIsLeftAlone() throws {
        try publish(OutputPlace(folder.path("out.partial")))
        fault(.outputExists, "no interrupted run", "a published model") { try begin() }
        fault(.outputExists, "no interrupted run") { try begin(OutputPlace(folder.path("out"), overwrite: true)) }
        fault(.badData, "not the folder of an interrupted run", "a published model") {
            try StagingFolder.resume(place)
        }
        #expect(try folder.names() == ["out.partial"])
        _ = try FolderVerification(folder.path("out.partial"))
    }

    @Test func theRunOfAnotherOutputIsLeftAlone() throws {
        do { try begin(OutputPlace(folder.path("other"))).write("config.json", [1]) }
        try FileManager.default.moveItem(atPath: folder.path("other.partial"), toPath: folder.path("out.partial"))
        fault(.outputExists, "an output named 'other'") { try begin() }
        #expect(folder.exists("out.partial/config.json"))
    }

    @Test(arguments: ["COMPLETE.json", ".staging", "a.partial", "journal.jsonl", "config.json"])
    func aNameAloneMakesNoStagingFolder(name: String) throws {
        try folder.folder("out.partial")
        try folder.write("out.partial/\(name)", "mine")
        fault(.outputExists, "no interrupted run") { try begin(OutputPlace(folder.path("out"), overwrite: true)) }
        fault(.badData, "not the folder of an interrupted run") { try StagingFolder.resume(place) }
        #expect(try folder.names("out.partial") == [name])
        #expect(try folder.names() == ["out.partial"])
    }

    @Test func linkInThePlaceOfStagingIsRefused() throws {
        try publish(OutputPlace(folder.path("prod")))
        try FileManager.default.createSymbolicLink(atPath: folder.path("out.partial"), withDestinationPath: "prod")
        fault(.outputExists, "a symbolic link") { try begin(OutputPlace(folder.path("out"), overwrite: true)) }
        fault(.badData, "a symbolic link") { try StagingFolder.resume(place) }
        _ = try FolderVerification(folder.path("prod"))
    }

    /// A run that was interrupted behind its first journal line.
    private func interrupt() throws {
        let staging = try begin()
        try staging.write("config.json", [1])
        try Journal(staging.path(of: Journal.fileName)).append(.integer(1))
    }

    @Test func foreignFilesAreNeitherRemovedNorPublished() throws {
        try interrupt()
        try folder.write("out.partial/thesis.docx", "mine")
        fault(.outputExists, "thesis.docx") { try begin(OutputPlace(folder.path("out"), overwrite: true)) }
        fault(.badData, "did not write", "thesis.docx") { try StagingFolder.resume(place) }
        #expect(folder.exists("out.partial/thesis.docx") && folder.exists("out.partial/config.json"))
    }

    @Test(arguments: ["config.json", "LICENSE", "evil", "journal.jsonl", ".staging", "tokenizer"])
    func plantedLinksAreRefused(name: String) throws {
        try interrupt()
        try folder.write("victim", "v")
        try? FileManager.default.removeItem(atPath: folder.path("out.partial/\(name)"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("out.partial/\(name)"), withDestinationPath: "../victim")
        fault(.badData) { try StagingFolder.resume(place) }
        fault(.outputExists) { try begin(OutputPlace(folder.path("out"), overwrite: true)) }
        #expect(try String(contentsOfFile: folder.path("victim"), encoding: .utf8) == "v")
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["journal.jsonl", ".staging", "config.json", "x"])
    func plantedPipesDoNotHang(name: String) throws {
        try interrupt()
        try? FileManager.default.removeItem(atPath: folder.path("out.partial/\(name)"))
        #expect(mkfifo(folder.path("out.partial/\(name)"), 0o600) == 0)
        fault(.badData) { try StagingFolder.resume(place) }
        fault(.outputExists) { try begin(OutputPlace(folder.path("out"), overwrite: true)) }
    }

    @Test func whatIsPlantedWhileARunGoesOnIsNotPublished() throws {
        let staging = try begin()
        let digests = try files(staging)
        try folder.write("out.partial/LICENSE", "planted")
        fault(.badData, "did not write", "LICENSE") { try staging.publish(digests) }
        try FileManager.default.removeItem(atPath: folder.path("out.partial/LICENSE"))
        try staging.publish(digests)
        #expect(folder.exists("out/COMPLETE.json"))
    }

    @Test func damagedJournalCanBeStartedOver() throws {
        try interrupt()
        try folder.write("out.partial/journal.jsonl", "{\n")
        fault(.badData, "damaged", "--overwrite") { try begin() }
        try publish(OutputPlace(folder.path("out"), overwrite: true))
        #expect(folder.exists("out/COMPLETE.json"))
    }

    @Test func overwritingALinkMovesTheLinkAside() throws {
        try folder.folder("empty")
        try FileManager.default.createSymbolicLink(atPath: folder.path("out"), withDestinationPath: "empty")
        try publish(OutputPlace(folder.path("out"), overwrite: true))
        #expect(try folder.names() == ["empty", "out", "out.previous-1"])
        #expect(try folder.names("empty").isEmpty)
        #expect(FileSystem.isLink(folder.path("out.previous-1")) && !FileSystem.isLink(folder.path("out")))
    }

    @Test func lockThatNoRunWroteIsLeftAlone() throws {
        try folder.write("out.partial.lock", "my notes")
        fault(.outputExists, "not one of this program's", "out.partial.lock") { try begin() }
        #expect(try String(contentsOfFile: folder.path("out.partial.lock"), encoding: .utf8) == "my notes")
        try FileManager.default.removeItem(atPath: folder.path("out.partial.lock"))
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("out.partial.lock"), withDestinationPath: "victim")
        fault(.inputOutput, "lock cannot be made") { try begin() }
        #expect(!folder.exists("victim"))
    }

    @Test func aRunningRunIsNotCalledInterrupted() throws {
        let first = try begin()
        try Journal(first.path(of: Journal.fileName)).append(.integer(1))
        fault(.outputExists, "another run is writing") { try place.check(inputs: [], bytes: 0) }
        fault(.outputExists, "another run is writing") { try begin() }
        withExtendedLifetime(first) {}
    }

    @Test func pathsAreComparedByTheirBytes() throws {
        let input = try folder.folder("model")
        fault(.usage, "inside the input") {
            try OutputPlace(folder.path("model/\u{301}out")).check(inputs: [input], bytes: 0)
        }
        let composed = try folder.folder("caf\u{E9}")
        try OutputPlace(folder.path("cafe\u{301}")).check(inputs: [composed], bytes: 0)
    }

    @Test func namesThatAreTooLongAreRefused() throws {
        fault(.usage, "name is too long", "at most 242 bytes") {
            try OutputPlace(folder.path(String(repeating: "n", count: 243))).check(inputs: [], bytes: 0)
        }
        let long = String(repeating: "n", count: 242)
        try publish(OutputPlace(folder.path(long)))
        #expect(folder.exists(long + "/COMPLETE.json"))
    }

    @Test func adviceQuotesPaths() {
        fault(.inputOutput, "mkdir -p '") {
            try OutputPlace(folder.path("no folder'; rm/out")).check(inputs: [], bytes: 0)
        }
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

    @Test(arguments: ["{\"block\":1", "{\"block\":", "{\"blo", "\u{0}\u{0}\u{0}"])
    func tornLastLineIsDiscardedAndCutOff(torn: String) throws {
        try folder.write("journal.jsonl", "{\"block\":0}\n" + torn)
        #expect(try Journal.read(path).count == 1)
        #expect(try Journal.contents(path).tornBytes == torn.utf8.count)
        try Journal(path).append(.integer(7))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"block\":0}\n7\n")
    }

    @Test(arguments: ["{\"blo\n", "\u{0}\u{0}\u{0}\n", "\n"])
    func lastLineThatIsWholeButDamagedIsRefusedAndStays(last: String) throws {
        try folder.write("journal.jsonl", "{\"block\":0}\n" + last)
        fault(.badData, "journal is damaged", "line 2") { try Journal.read(path) }
        fault(.badData, "journal is damaged") { try Journal(path) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "{\"block\":0}\n" + last)
    }

    @Test(.timeLimit(.minutes(1))) func pipeInThePlaceOfAJournalDoesNotHang() {
        #expect(mkfifo(path, 0o600) == 0)
        fault(.badData, "not a regular file") { try Journal.read(path) }
        fault(.badData, "not a regular file") { try Journal(path) }
    }

    @Test func damagedLineInTheMiddleIsRefused() throws {
        try folder.write("journal.jsonl", "1\n{\n3\n")
        fault(.badData, "journal is damaged", "line 2") { try Journal.read(path) }
    }
}
