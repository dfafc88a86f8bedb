import Faults
import Foundation
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

/// Results never take the place of what is read.
struct SamePathTests {
    private func isRefused(_ output: String, _ inputs: [String]) -> Bool {
        do throws(Fault) {
            try SamePath.refuse(output, "--output", among: inputs)
            return false
        } catch {
            #expect(error.kind == .usage && error.summary == "--output would replace an input" && error.found != nil)
            return true
        }
    }

    @Test(arguments: ["model.safetensors", "config.json", "tokenizer.json"])
    func aFileOfTheModelIsRefusedByWhateverName(_ name: String) throws {
        let (dense, folder) = (try model(), try TemporaryFolder())
        let file = dense.path + "/" + name
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/link", withDestinationPath: file)
        try FileManager.default.linkItem(atPath: file, toPath: folder.path + "/hard")
        for path in [file, dense.path + "/../" + (dense.path as NSString).lastPathComponent + "/" + name] {
            #expect(isRefused(path, [dense.path]), "\(path)")
        }
        for path in ["/link", "/hard"] { #expect(isRefused(folder.path + path, [dense.path]), "\(path)") }
        #expect(isRefused(file, ["elsewhere", file]))
    }

    @Test func resultsInTheModelsFolderAreWrittenAgain() throws {
        let dense = try model()
        #expect(!isRefused(dense.path + "/results.json", [dense.path]))
        try dense.write("results.json", "{}")
        #expect(!isRefused(dense.path + "/results.json", [dense.path]))
        try dense.write("LICENSE", "of others")
        #expect(isRefused(dense.path + "/LICENSE", [dense.path]))
        // What the record of a published folder vouches for is the model's, whatever it is called.
        try dense.write(
            "COMPLETE.json",
            #"{"format": "espalier", "version": 1, "files": {"results.json": {"bytes": 2, "sha256": "x"}}}"#)
        #expect(isRefused(dense.path + "/results.json", [dense.path]))
        #expect(isRefused(dense.path + "/COMPLETE.json", [dense.path]))
    }

    @Test func theOtherPartsOfASplitModelAreRefused() throws {
        let folder = try TemporaryFolder()
        for name in ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "notes.txt"] { try folder.write(name, name) }
        let first = folder.path + "/m-00001-of-00002.gguf"
        #expect(isRefused(folder.path + "/m-00002-of-00002.gguf", [first]))
        #expect(!isRefused(folder.path + "/notes.txt", [first]))
    }
}
