import Faults
import JSONText
import TestSupport
import Testing

@testable import Checkpoints

struct GGUFTokenizerKeysTests {
    private static let special = GGUFSpecialTokens(
        beginning: 1, end: 2, otherEnds: [], unknown: 0, addsBeginning: true, addsEnd: false)

    /// A vocabulary with SentencePiece's rules: three special tokens, then these.
    private func tokenizer(_ tokens: [String], merges: [(String, String)]) -> JSONValue {
        var vocabulary = JSONObject()
        for (id, token) in (["<unk>", "<s>", "</s>", "<0x0A>"] + tokens).enumerated() {
            vocabulary[token] = .integer(id)
        }
        let mark = "\u{2581}"
        return TokenizerJSON.document(
            added: ["<unk>", "<s>", "</s>"].enumerated().map { ListedToken(special: $1, id: $0) },
            normalizer: TokenizerJSON.normalizers([
                .object(["type": .string("Prepend"), "prepend": .string(mark)]),
                TokenizerJSON.replace(TokenizerJSON.text(" "), with: mark),
            ]), preTokenizer: .null, postProcessor: .null, decoder: .null,
            model: TokenizerJSON.bpe(
                vocabulary: vocabulary, merges: merges.map { TokenizerJSON.merge($0.0, $0.1) }, unknown: "<unk>",
                fusesUnknown: true, byteFallback: true))
    }

    @Test func scoresMakeTheSameMergesAgain() throws {
        var keys = GGUFKeys(file: "m.gguf")
        // "abc" can be divided in two ways.
        let merges = [("b", "c"), ("a", "b"), ("a", "bc"), ("ab", "c"), ("\u{2581}", "a")]
        let json = tokenizer(["\u{2581}", "a", "b", "c", "bc", "ab", "abc", "\u{2581}a"], merges: merges)
        let notes = try keys.addTokenizer(json, rows: 14, special: Self.special, file: "tokenizer.json")
        #expect(notes.isEmpty)
        let read = try #require(try GGUFTokenizer(keys.metadata))
        #expect(Array(read.tokens.prefix(4)) == ["<unk>", "<s>", "</s>", "<0x0A>"])
        // Rows without a token.
        #expect(Array(read.tokens.suffix(2)) == ["[PAD12]", "[PAD13]"])
        #expect(Array(read.kinds.prefix(5)) == [2, 3, 3, 6, 1] && Array(read.kinds.suffix(2)) == [5, 5])
        var made: [String] = []
        read.text.forEachMerge { left, right in
            made.append(String(decoding: left, as: UTF8.self) + " " + String(decoding: right, as: UTF8.self))
        }
        #expect(made == ["b c", "a b", "a bc", "ab c", "\u{2581} a"])
        #expect(read.beginning == 1 && read.end == 2 && read.unknown == 0)
    }

    @Test func mergesThatScoresCannotSayAreRefused() {
        let tokens = ["\u{2581}", "a", "b", "c", "bc", "ab", "abc"]
        // One of two divisions is not listed; merges of one token stand apart.
        for merges in [
            [("b", "c"), ("a", "b"), ("a", "bc")], [("b", "c"), ("a", "bc"), ("a", "b"), ("ab", "c")],
        ] {
            let mistakes = faultMistakes(.badData, ["cannot be said in a GGUF file", "model.merges"]) {
                var keys = GGUFKeys(file: "m.gguf")
                return try keys.addTokenizer(
                    tokenizer(tokens, merges: merges), rows: 11, special: Self.special, file: "tokenizer.json")
            }
            #expect(mistakes == [])
        }
    }

    /// Every rule that is read is written under a name that stands for the same rule.
    @Test func rulesKeepTheirNames() throws {
        for name in GGUFPreTokenizer.names where name != "default" {
            var metadata = GGUFMetadata(file: "m.gguf")
            _ = metadata.insert("tokenizer.ggml.pre", .string(name))
            var warnings: [String] = []
            let pre = try GGUFPreTokenizer(metadata, warnings: &warnings)
            let steps = try #require(GGUFPreTokenizerStep.steps(pre.rule.json))
            let written = try #require(
                GGUFPreTokenizer.name(of: steps, composes: pre.composes, ignoresMerges: pre.ignoresMerges))
            var other = GGUFMetadata(file: "m.gguf")
            _ = other.insert("tokenizer.ggml.pre", .string(written))
            let read = try GGUFPreTokenizer(other, warnings: &warnings)
            #expect(read.rule.json == pre.rule.json, "\(name) as \(written)")
        }
    }
}
