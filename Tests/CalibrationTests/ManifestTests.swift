import Calibration
import Crypto
import Faults
import Foundation
import JSONText
import Testing

@Suite("What was used")
struct ManifestTests {
    @Test("the manifest names the file without its path and holds digests and counts, but no text")
    func manifest() throws {
        let folder = try TestFolder()
        let text = "\u{FEFF}secret one\r\n\r\nsecret two"
        let path = try folder.write("a.txt", text)
        let set = try build([path + "@3"], samples: 2, seed: .max)
        let digest = SHA256.hash(data: Data(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let source = try #require(set.sources.first)
        #expect(source["file"] == .string("a.txt"))
        #expect(source["sha256"] == .string(digest))
        #expect(source["kind"] == .string("txt"))
        #expect(source["weight"]?.doubleValue == 3)
        #expect(source["documents"] == .integer(2))
        #expect(source["samples"] == .integer(2))
        #expect(set.manifest["seed"] == .number("18446744073709551615"))
        #expect(set.manifest["sequence_length"] == .integer(4))
        let written = JSONValue.object(set.manifest).text()
        #expect(!written.contains("secret"))
        #expect(!written.contains(folder.url.path))
    }

    @Test("the digest of the tokens is the SHA-256 of little-endian int32")
    func tokenDigest() throws {
        let folder = try TestFolder()
        let path = try folder.writeTokens("t.safetensors", [[1, 258]])
        let digest = SHA256.hash(data: Data([1, 0, 0, 0, 2, 1, 0, 0]))
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(try build([path], samples: 1, length: nil).manifest["tokens_sha256"] == .string(digest))
    }

    @Test("documents that stand twice are counted, within a file and across files")
    func duplicates() throws {
        let folder = try TestFolder()
        let one = try folder.write("a.txt", "aaaa\n\nbbbb\r\n\r\naaaa\n")
        let two = try folder.write("b.jsonl", "{\"text\": \"bbbb\"}\n{\"text\": \"cccc\"}\n")
        let set = try build([one, two], samples: 2)
        #expect(set.sources.map { $0["duplicates"] } == [.integer(1), .integer(1)])
        #expect(
            set.warnings == [
                "1 of 3 documents of a.txt repeat earlier ones", "1 of 2 documents of b.jsonl repeat earlier ones",
            ])
    }
}
