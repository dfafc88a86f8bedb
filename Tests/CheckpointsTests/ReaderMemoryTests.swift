import Faults
import Files
import JSONText
import Testing

@testable import Checkpoints

/// What files of the largest size that is read take, measured in a process of their own.
@Suite(.enabled(if: Machine.peakMemoryBytes > 0)) struct ReaderMemoryTests {
    @Test(arguments: ["[]", "\"a name of some length\""])
    func aConfigurationOfTheLargestSizeTakesLessThanThreeTimesItsText(element: String) async {
        await #expect(processExitsWith: .success) { [element = element as String] in
            let folder = try TemporaryFolder()
            let count = (JSONFile.sizeLimit - 20) / (element.utf8.count + 1)
            let text = "{\"a\":[" + String(repeating: element + ",", count: count) + "0]}"
            let path = try folder.write("config.json", Array(text.utf8))
            try #require(text.utf8.count <= JSONFile.sizeLimit && text.utf8.count > JSONFile.sizeLimit - 64)
            // The reader's own code is read from the disk at its first use.
            _ = try JSONFile.object(try folder.write("small.json", "{\"a\":[\"b\", 1]}"))
            try #require(Machine.resetPeakMemory())
            let before = Machine.peakMemoryBytes
            // Values that would take more are refused.
            let values = Result { () throws(Fault) in try JSONFile.object(path) }
            let taken = Machine.peakMemoryBytes - before
            if case .failure(let fault) = values { try #require(fault.summary.contains("too much memory")) }
            try #require(taken > JSONFile.sizeLimit && taken < 3 * JSONFile.sizeLimit + 4 << 20, "\(taken) bytes")
        }
    }

    /// Beside what the file packs stand the ids by token and, for a moment, the merges that the scores make.
    @Test func aVocabularyOfAGGUFFileTakesLittleMoreThanTheFile() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            var builder = GGUFBuilder()
            builder.set("tokenizer.ggml.model", "gpt2")
            builder.set("tokenizer.ggml.pre", "gpt-2")
            builder.set("tokenizer.ggml.tokens", (0..<100_000).map { "token number \($0)" })
            builder.set("tokenizer.ggml.merges", (0..<50_000).map { "token number\($0)" })
            let bytes = builder.file
            let path = try folder.write("t.gguf", bytes)
            try #require(Machine.resetPeakMemory())
            let before = Machine.peakMemoryBytes
            let text = try #require(try GGUFTokenizer(try GGUFFile(path).metadata)).text
            let opened = Machine.peakMemoryBytes - before
            var written = 0
            try text.forEachPart { written += $0.count }
            let taken = Machine.peakMemoryBytes - before
            try #require(written > bytes.count)
            // Pages of the program that are read at first use count, too.
            let most = 3 * bytes.count + 4 << 20
            try #require(opened < most && taken < most, "\(opened), \(taken) of \(bytes.count) bytes")
        }
    }
}
