import Faults
import Files
import Foundation
import TestSupport
import Testing

@testable import Publishing

/// What a killed run leaves, and how it goes on.
struct InterruptedRunTests: PublishingSuite {
    let bench: PublishingBench

    init() throws { bench = try PublishingBench() }

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
        fault(.badData, "changed since it was written") { try staging.check(other) }
        try staging.publish([try staging.write("config.json", Array(#"{"model_type":"llama"}"#.utf8)), digest])
        #expect(try folder.names("out") == ["COMPLETE.json", "config.json", "model.safetensors"])
        guard case .finished = try StagingFolder.resume(place) else {
            Issue.record("not finished")
            return
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
        fault(.badData, "changed since it was written", "config.json") { try staging.publishRecorded() }
        #expect(!folder.exists("out"))
    }

    @Test func leftoverWithoutJournalLinesIsStartedOver() throws {
        do { try begin().write("config.json", [1]) }
        let staging = try begin()
        #expect(try staging.names().isEmpty)
    }

    @Test func damagedJournalCanBeStartedOver() throws {
        try interrupt()
        try folder.write("out.partial/journal.jsonl", "{\n")
        fault(.badData, "damaged", "--overwrite") { try begin() }
        try publish(OutputPlace(folder.path("out"), overwrite: true))
        #expect(folder.exists("out/COMPLETE.json"))
    }

    @Test func resumingNothingIsMissingInput() {
        fault(.missingInput, "no interrupted run") { try StagingFolder.resume(place) }
    }
}
