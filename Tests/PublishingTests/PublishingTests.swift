import Faults
import Files
import Foundation
import TestSupport
import Testing

@testable import Checkpoints
@testable import Publishing

/// What a published folder holds, and how it is verified.
struct PublishingTests: PublishingSuite {
    let bench: PublishingBench

    init() throws { bench = try PublishingBench() }

    @Test func publishedFolderHoldsFilesAndRecordOnly() throws {
        try publish()
        #expect(try folder.names() == ["out"])
        #expect(try folder.names("out") == ["COMPLETE.json", "config.json", "model.safetensors"])
        let verified = try FolderVerification(folder.path("out"))
        #expect(verified.record.files.map(\.name) == ["config.json", "model.safetensors"])
        #expect(verified.unrecorded.isEmpty)
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
        #expect(verified.unrecorded.isEmpty)
        try folder.write("out/chat_templates/other.jinja", "x")
        #expect(try FolderVerification(folder.path("out")).unrecorded == ["chat_templates/other.jinja"])
        try folder.write("out/chat_templates/t.jinja", "{{ y }}")
        fault(.badData, "changed since it was published", "chat_templates/t.jinja") {
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

    @Test func overwritingMovesTheOldFolderAside() throws {
        try publish()
        try folder.write("out/note.txt", "mine")
        try publish(OutputPlace(folder.path("out/"), overwrite: true))
        try publish(OutputPlace(folder.path("out"), overwrite: true))
        #expect(try folder.names() == ["out", "out.previous-1", "out.previous-2"])
        #expect(folder.exists("out.previous-1/note.txt"))
    }

    @Test func overwritingALinkMovesTheLinkAside() throws {
        try folder.folder("empty")
        try FileManager.default.createSymbolicLink(atPath: folder.path("out"), withDestinationPath: "empty")
        try publish(OutputPlace(folder.path("out"), overwrite: true))
        #expect(try folder.names() == ["empty", "out", "out.previous-1"])
        #expect(try folder.names("empty").isEmpty)
        #expect(FileSystem.isLink(folder.path("out.previous-1")) && !FileSystem.isLink(folder.path("out")))
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

    @Test func changedMissingAndUnknownFilesAreFoundByVerification() throws {
        try publish()
        let out = folder.path("out")
        try folder.write("out/extra.txt", "x")
        #expect(try FolderVerification(out).unrecorded == ["extra.txt"])
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: out + "/model.safetensors")))
        bytes[bytes.count - 1] ^= 1
        try folder.write("out/model.safetensors", bytes)
        fault(.badData, "changed since it was published", "SHA-256", "model.safetensors") {
            try FolderVerification(out)
        }
        try FileManager.default.removeItem(atPath: out + "/config.json")
        fault(.missingInput, "config.json") { try FolderVerification(out) }
        try FileManager.default.removeItem(atPath: out + "/COMPLETE.json")
        fault(.missingInput, "no COMPLETE.json") { try FolderVerification(out) }
    }

    @Test(arguments: ["config.json", "model.safetensors"])
    func aRecordThatLeavesAFileOfTheModelOutVouchesForNothing(_ name: String) throws {
        try publish()
        let record = try CompletionRecord(folder: folder.path("out"))
        try folder.write("out/COMPLETE.json", CompletionRecord(record.files.filter { $0.name != name }).bytes)
        fault(.badData, "not in the completion record", name) { try FolderVerification(folder.path("out")) }
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
