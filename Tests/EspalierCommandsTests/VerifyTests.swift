import Checkpoints
import Faults
import Foundation
import TestSupport
import Testing

@testable import EspalierCommands

struct VerifyTests {
    private static let linear = "model.layers.0.mlp.up_proj.weight"

    /// A published folder of a tiny model whose up projection of block 0 has zeros.
    private func published(
        in parent: TemporaryFolder, report: String? = #"{"pattern": "2:4", "linears": ["\#(linear)"]}"#,
        zeros: @escaping (Int) -> Bool = { $0 % 4 < 2 }, value: Float = 0
    ) throws -> String {
        let source = try TemporaryFolder()
        var model = TinyModel()
        model.edit = { name, values in
            guard name == VerifyTests.linear else { return }
            for index in values.indices where zeros(index) { values[index] = value }
        }
        try model.write(to: source)
        let output = parent.path + "/out"
        let staging = try StagingFolder.begin(OutputPlace(output), inputs: [], bytes: 0)
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            _ = try staging.write(name, try ReadableFile.bytes(source.path + "/" + name))
        }
        if let report { _ = try staging.write("report.json", Array(report.utf8)) }
        try staging.publish()
        return output
    }

    private func fault(_ path: String) -> Fault? {
        do throws(Fault) {
            _ = try PublishedFolder(path, reporter: quiet)
            return nil
        } catch { return error }
    }

    @Test func aSoundFolderIsFoundSound() throws {
        let parent = try TemporaryFolder()
        let found = try PublishedFolder(try published(in: parent), reporter: quiet)
        #expect(found.pattern == "2:4" && found.linears == 1 && found.sparsity == 0.5 && found.files == 4)
        #expect(found.text.contains("pattern 2:4 holds"))
        #expect(found.json.objectValue?["sound"]?.boolValue == true)
    }

    @Test func aFolderWithoutAReportIsVerifiedWithoutAPattern() throws {
        let parent = try TemporaryFolder()
        let found = try PublishedFolder(try published(in: parent, report: nil), reporter: quiet)
        #expect(found.pattern == nil && found.linears == 0)
    }

    @Test func zerosThatBreakThePatternAreFound() throws {
        let parent = try TemporaryFolder()
        // Half of the weights are zero, in groups of eight only.
        let found = fault(try published(in: parent, zeros: { $0 % 8 < 4 }))
        #expect(found?.kind == .badData && found?.place == "tensor '\(VerifyTests.linear)'")
        #expect(found?.expected == "at most 2 weights in every 4 consecutive columns")
    }

    @Test func prunedWeightsThatAreNotNumbersAreFound() throws {
        let parent = try TemporaryFolder()
        let report = #"{"pattern": "unstructured", "linears": ["\#(VerifyTests.linear)"]}"#
        #expect(fault(try published(in: parent, report: report, value: .nan))?.found == "192 of 384")
    }

    @Test func aChangedByteIsFound() throws {
        let parent = try TemporaryFolder()
        let output = try published(in: parent)
        var bytes = try ReadableFile.bytes(output + "/model.safetensors")
        bytes[bytes.count - 1] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: output + "/model.safetensors"))
        let found = fault(output)
        #expect(found?.kind == .badData && found?.file == output + "/model.safetensors")
    }

    @Test(arguments: [
        #"{"pattern": "2:4"}"#, #"{"pattern": "4:2", "linears": []}"#, #"{"pattern": "2:4", "linears": [3]}"#,
        #"{"pattern": "2:4", "linears": ["no.such.weight"]}"#, "not JSON",
    ])
    func aReportThatCannotBeUnderstoodIsRefused(_ report: String) throws {
        let parent = try TemporaryFolder()
        #expect(fault(try published(in: parent, report: report))?.kind == .badData)
    }

    @Test func aFolderThatWasNotPublishedIsMissingInput() throws {
        let folder = try TemporaryFolder()
        try TinyModel().write(to: folder)
        #expect(fault(folder.path)?.kind == .missingInput)
        #expect(fault(folder.path + "/none")?.kind == .missingInput)
    }
}
