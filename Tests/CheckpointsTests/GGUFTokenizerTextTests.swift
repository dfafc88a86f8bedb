import Faults
import Foundation
import JSONText
import Testing

@testable import Checkpoints

/// The `tokenizer.json` of a GGUF file is written from packed strings as it would be from values, when it is asked for.
struct GGUFTokenizerTextTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func text(_ builder: GGUFBuilder) throws -> (bytes: [UInt8], value: JSONObject) {
        let path = try folder.write("t.gguf", builder.file)
        let bytes = try #require(try GGUFTokenizer(try GGUFFile(path).metadata)).text.bytes
        return (bytes, try #require(try JSONValue(parsing: bytes).objectValue))
    }

    @Test func theTextIsThatOfTheValues() throws {
        let tokens = ["a", "b", "ab", "\"", "\\", "\n", "\u{1}", "\u{7f}", "é漢", "<end>", "e\u{301}", "\u{e9}"]
        for merges in [["a b", "\" \\", "\u{1} \u{7f}"], []] {
            var builder = GGUFBuilder()
            builder.set("tokenizer.ggml.model", "gpt2")
            builder.set("tokenizer.ggml.pre", "gpt-2")
            builder.set("tokenizer.ggml.tokens", tokens)
            builder.set("tokenizer.ggml.merges", merges)
            let (bytes, value) = try text(builder)
            #expect(bytes == Array((JSONValue.object(value).text() + "\n").utf8))
            let model = try #require(value["model"]?.objectValue)
            #expect(
                model["vocab"]?.objectValue?.members.map(\.key).map { Array($0.utf8) } == tokens.map { Array($0.utf8) })
            #expect(model["vocab"]?.objectValue?.members.map(\.value.integerValue) == Array(tokens.indices))
            let pairs = merges.map { JSONValue.array($0.split(separator: " ").map { .string(String($0)) }) }
            #expect(model["merges"] == .array(pairs))
        }
    }

    @Test func theTextComesInPartsAndIsCountedWithoutBeingMade() throws {
        var builder = GGUFBuilder()
        builder.set("tokenizer.ggml.model", "gpt2")
        builder.set("tokenizer.ggml.pre", "gpt-2")
        builder.set("tokenizer.ggml.tokens", (0..<20_000).map { "token \($0)" })
        builder.set("tokenizer.ggml.merges", ["a b"])
        let path = try folder.write("t.gguf", builder.file)
        let text = try #require(try GGUFTokenizer(try GGUFFile(path).metadata)).text
        var parts: [[UInt8]] = []
        try text.forEachPart { parts.append($0) }
        #expect(parts.count > 5 && parts.allSatisfy { !$0.isEmpty && $0.count < 70_000 })
        #expect(Array(parts.joined()) == text.bytes && text.byteCount == text.bytes.count)
        var taken = 0
        fault(.inputOutput, "the disk is full") {
            try text.forEachPart { (_) throws(Fault) in
                taken += 1
                if taken == 2 { throw Fault(.inputOutput, "the disk is full") }
            }
        }
        #expect(taken == 2)
    }

    /// Every division of a token into tokens, sorted by the score, the token and its parts: as plainly as it can be
    /// written.
    @Test func mergesThatScoresMakeAreInOrder() throws {
        var tokens = ["<unk>", "<s>", "</s>", "é", "a", "b", "▁"]
        for length in 2...4 {
            let letters = ["a", "b", "é", "▁"]
            var words = [""]
            for _ in 0..<length { words = words.flatMap { word in letters.map { word + $0 } } }
            tokens += words.enumerated().filter { $0.offset % 3 != 1 }.map(\.element)
        }
        // Many share a score; zero has two signs.
        let scores = tokens.indices.map { $0 % 7 == 0 ? (-0.0 as Float) : Float($0 * 37 % 5) }
        let kinds = tokens.indices.map { $0 < 3 ? Int32(3) : $0 % 11 == 0 ? 6 : 1 }
        var builder = GGUFBuilder()
        builder.set("tokenizer.ggml.model", "llama")
        builder.set("tokenizer.ggml.tokens", tokens)
        builder.set("tokenizer.ggml.token_type", kinds)
        builder.pair(
            "tokenizer.ggml.scores", .array,
            littleEndian(GGUFValueType.float32.rawValue) + littleEndian(UInt64(scores.count)) + bytes(of: scores))
        let (bytes, value) = try text(builder)
        #expect(bytes == Array((JSONValue.object(value).text() + "\n").utf8))

        let ids = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, $0) })
        var made: [(score: Float, id: Int, left: Int, right: Int)] = []
        for (id, token) in tokens.enumerated() where kinds[id] == 1 {
            for place in 1..<max(token.count, 2) {
                if let left = ids[String(token.prefix(place))], let right = ids[String(token.dropFirst(place))] {
                    made.append((scores[id], id, left, right))
                }
            }
        }
        made.sort { ($1.score, $0.id, $0.left, $0.right) < ($0.score, $1.id, $1.left, $1.right) }
        #expect(made.count > 100)
        let expected = made.map { JSONValue.array([.string(tokens[$0.left]), .string(tokens[$0.right])]) }
        #expect(value["model"]?.objectValue?["merges"] == .array(expected))
    }

    @Test func tokensAreFoundByTheirBytesAndATwinIsRefused() throws {
        func vocabulary(_ tokens: [String]) throws -> GGUFVocabulary {
            var builder = GGUFBuilder()
            builder.set("tokens", tokens)
            let file = try GGUFFile(try folder.write("v.gguf", builder.file))
            return try GGUFVocabulary(try #require(try file.metadata.packedStrings("tokens")), file: "v.gguf")
        }
        let tokens = (0..<1000).map { "t\($0)" } + ["e\u{301}", "\u{e9}", ""]
        let found = try vocabulary(tokens)
        for (id, token) in tokens.enumerated() {
            #expect(Array(token.utf8).withUnsafeBufferPointer { found.id(of: $0) } == Int32(id))
        }
        #expect(Array("t1000".utf8).withUnsafeBufferPointer { found.id(of: $0) } == nil)
        fault(.badData, "appears twice", "id 2", "'a'") { try vocabulary(["a", "b", "a"]) }
    }
}
