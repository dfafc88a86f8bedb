import Faults
import JSONText
import Testing

@testable import Tokenization

/// What a tokenizer file may not ask for, or may not get wrong.
@Suite struct RefusalTests {
    /// A change to a small valid file, and what the message must name.
    struct Case: CustomTestStringConvertible, Sendable {
        let path: String
        let value: String
        let names: String
        /// A second change.
        var other: (path: String, value: String)?
        var testDescription: String { "\(path) = \(value)" }

        init(path: String, value: String, names: String) {
            self.path = path
            self.value = value
            self.names = names
        }

        init(path: String, value: String, names: String, and otherPath: String, _ otherValue: String) {
            self.init(path: path, value: value, names: names)
            other = (otherPath, otherValue)
        }
    }

    static let valid = #"""
        {"truncation": {"max_length": 2}, "padding": null, "added_tokens": [{"id": 3, "content": "<s>", "special": true}],
         "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
         "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}
        """#

    static let unsupported = [
        Case(path: "model.type", value: #""WordPiece""#, names: "WordPiece"),
        Case(path: "model.dropout", value: "0.1", names: "dropout"),
        Case(path: "model.continuing_subword_prefix", value: #""@@""#, names: "@@"),
        Case(path: "model.end_of_word_suffix", value: #""</w>""#, names: "</w>"),
        Case(path: "normalizer", value: #"{"type": "NFKC"}"#, names: "NFKC"),
        Case(
            path: "normalizer", value: #"{"type": "Sequence", "normalizers": [{"type": "Lowercase"}]}"#,
            names: "normalizer.normalizers[0]"),
        Case(
            path: "normalizer", value: #"{"type": "Replace", "pattern": {"Regex": "x+"}, "content": "y"}"#, names: "x+"),
        Case(path: "pre_tokenizer", value: #"{"type": "BertPreTokenizer"}"#, names: "BertPreTokenizer"),
        Case(
            path: "pre_tokenizer",
            value: #"{"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": false}"#,
            names: "(a+)+$"),
        Case(
            path: "pre_tokenizer",
            value:
                ##"{"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": false}, {"type": "UnicodeScripts"}]}"##,
            names: "UnicodeScripts"),
        Case(
            path: "normalizer", value: #"{"type": "Replace", "pattern": {"String": "x"}, "content": "y"}"#,
            names: "prepend_scheme first", and: "pre_tokenizer", #"{"type": "Metaspace", "prepend_scheme": "first"}"#),
        Case(path: "post_processor", value: #"{"type": "RobertaProcessing"}"#, names: "RobertaProcessing"),
        Case(path: "decoder", value: #"{"type": "WordPiece"}"#, names: "WordPiece"),
        Case(
            path: "decoder", value: #"{"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteFallback"}]}"#,
            names: "ByteFallback after Fuse"),
    ]

    static let wrong = [
        Case(path: "model.merges", value: #"["a c"]"#, names: #""c""#),
        Case(path: "model.merges", value: #"[["b", "a"]]"#, names: #""ba""#),
        Case(path: "model.merges", value: #"["a b c"]"#, names: "model.merges[0]"),
        Case(path: "model.merges", value: #"[["a", 7]]"#, names: "model.merges[0]"),
        Case(path: "model.vocab", value: #"{"a": 0, "b": 0, "ab": 2}"#, names: #""b""#),
        Case(path: "model.vocab", value: #"{"a": 0, "b": 1, "ab": 5}"#, names: #""ab""#),
        Case(path: "model.vocab", value: #"{"a": 0, "b": -1, "ab": 2}"#, names: #""b""#),
        Case(path: "model.vocab", value: #"{"a": 0, "b": 1.5, "ab": 2}"#, names: #""b""#),
        Case(path: "model.vocab", value: #"{"a": 0, "b": 99999999999, "ab": 2}"#, names: #""b""#),
        Case(path: "model.vocab", value: "[]", names: "model.vocab"),
        Case(path: "model.unk_token", value: #""<unk>""#, names: "<unk>"),
        Case(path: "model", value: "null", names: "model"),
        Case(path: "model", value: #"{"type": "Unigram", "vocab": {"a": 0}}"#, names: "model.vocab"),
        Case(path: "model", value: #"{"type": "Unigram", "vocab": []}"#, names: "at least one token"),
        Case(path: "model", value: #"{"type": "Unigram", "vocab": [["a", 0], ["b"]]}"#, names: "model.vocab[1]"),
        Case(path: "model", value: #"{"type": "Unigram", "vocab": [["a", 1e999]]}"#, names: "model.vocab[0]"),
        Case(
            path: "model", value: #"{"type": "Unigram", "unk_id": 7, "vocab": [["a", 0], ["b", 0], ["c", 0]]}"#,
            names: "unk_id"),
        Case(
            path: "normalizer", value: #"{"type": "Precompiled", "precompiled_charsmap": "AAAA"}"#,
            names: "normalizer.precompiled_charsmap"),
        Case(
            path: "normalizer", value: #"{"type": "Precompiled", "precompiled_charsmap": "/////wAAAAA="}"#,
            names: "normalizer.precompiled_charsmap"),
        Case(path: "added_tokens", value: #"[{"id": 4, "content": "<s>"}]"#, names: #""<s>""#),
        Case(path: "added_tokens", value: #"[{"id": 1, "content": "a"}]"#, names: #""a""#),
        Case(path: "added_tokens", value: #"[{"id": 2, "content": "<s>"}]"#, names: #""<s>""#),
        Case(path: "added_tokens", value: #"[{"id": 3, "content": ""}]"#, names: "added_tokens[0].content"),
        Case(path: "added_tokens", value: "[7]", names: "added_tokens[0]"),
        Case(
            path: "pre_tokenizer", value: #"{"type": "Split", "pattern": {"String": ""}, "behavior": "Isolated"}"#,
            names: "pattern"),
        Case(
            path: "pre_tokenizer", value: #"{"type": "Split", "pattern": {"String": "x"}, "behavior": "Kept"}"#,
            names: "behavior"),
        Case(path: "pre_tokenizer", value: #"{"type": "Metaspace", "replacement": "ab"}"#, names: "replacement"),
        Case(
            path: "post_processor",
            value:
                #"{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "special_tokens": {}}"#,
            names: "<s>"),
        Case(
            path: "post_processor",
            value:
                #"{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}, {"Sequence": {"id": "A"}}], "special_tokens": {"x": {"id": "x", "ids": [4], "tokens": ["x"]}}}"#,
            names: "ids below 4"),
        Case(
            path: "post_processor", value: #"{"type": "TemplateProcessing", "single": [], "special_tokens": {}}"#,
            names: "single"),
    ]

    @Test func `the unchanged file is accepted and its truncation left alone`() throws {
        let tokenizer = try Tokenizer(parsing: Array(RefusalTests.valid.utf8))
        #expect(tokenizer.encode("abab<s>a", addSpecialTokens: true) == [2, 2, 3, 0])
    }

    @Test(arguments: unsupported) func `what is not supported is refused by name`(change: Case) throws {
        try RefusalTests.expectFault(change)
    }

    @Test(arguments: wrong) func `an inconsistent file is refused with the place`(change: Case) throws {
        try RefusalTests.expectFault(change)
    }

    @Test func `more merges than the bound are refused`() throws {
        let model = try JSONValue(parsing: RefusalTests.valid).member("model")
        #expect(throws: Fault.self) { try ModelFile(model, mostMerges: 0) }
        #expect(ModelFile.mostMerges == 10_000_000)
    }

    @Test func `a file above the size bound is refused before it is parsed`() {
        let bytes = [UInt8](repeating: 0x20, count: JSONLimits.largestTokenizer + 1)
        let fault = #expect(throws: Fault.self) { try Tokenizer(parsing: bytes) }
        #expect(fault?.kind == .badData)
        #expect(fault?.found == "100000001 bytes")
    }

    @Test func `deep nesting is refused`() {
        let text = #"{"normalizer": "# + String(repeating: "[", count: 100_000)
        let fault = #expect(throws: Fault.self) { try Tokenizer(parsing: Array(text.utf8)) }
        #expect(fault?.kind == .badData)
    }

    @Test func `an embedding with fewer rows than tokens is refused, one with more is accepted`() throws {
        let tokenizer = try Tokenizer(parsing: Array(RefusalTests.valid.utf8))
        try tokenizer.check(embeddingRows: 4)
        try tokenizer.check(embeddingRows: 64)
        // The token that was added is in order until a text holds it.
        try tokenizer.check(embeddingRows: 3)
        let fault = #expect(throws: Fault.self) { try tokenizer.check(embeddingRows: 2) }
        #expect(fault?.kind == .badData)
        #expect(fault?.place?.contains("<s>") == true)
    }

    private static func expectFault(_ change: Case) throws {
        var json = try JSONValue(parsing: valid).with(change.path, try JSONValue(parsing: change.value))
        if let other = change.other { json = try json.with(other.path, try JSONValue(parsing: other.value)) }
        let fault = #expect(throws: Fault.self) { try Tokenizer(json: json) }
        #expect(fault?.kind == .badData)
        #expect(fault?.description.contains(change.names) == true, "\(fault?.description ?? "")")
    }
}
