import Faults
import Foundation
import TestSupport
import Testing

@testable import Publishing

/// What is not a run's own is neither removed nor published.
struct ForeignStagingTests: PublishingSuite {
    let bench: PublishingBench

    init() throws { bench = try PublishingBench() }

    @Test func stagingFolderLeftBeforeItsMarkIsOurs() throws {
        try folder.folder("out.partial")
        try folder.write("out.partial/..staging.0123456789abcdef.espalier-tmp", "")
        try publish()
        #expect(try folder.names("out") == ["COMPLETE.json", "config.json", "model.safetensors"])
    }

    @Test func publishedModelThatIsNamedLikeAStagingFolderIsLeftAlone() throws {
        try publish(OutputPlace(folder.path("out.partial")))
        fault(.outputExists, "not an interrupted run", "a published model") { try begin() }
        fault(.outputExists, "not an interrupted run") { try begin(OutputPlace(folder.path("out"), overwrite: true)) }
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
        fault(.outputExists, "not an interrupted run") { try begin(OutputPlace(folder.path("out"), overwrite: true)) }
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
}
