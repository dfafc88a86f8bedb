import Faults
import JSONText
import Testing

@testable import Checkpoints

/// What is wrong in the files that tell a tokenizer, and what they disagree about.
@Suite struct FolderTokenizerTests {
    /// Files by name, and what the fault must say.
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let files: [String: String]
        let says: String
        var kind = Fault.Kind.badData
        var testDescription: String { name }
    }

    static let own = #"""
        {"added_tokens": [{"id": 2, "content": "<s>", "special": true}],
         "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}}
        """#

    static let broken = [
        Case(name: "settings no JSON", files: ["tokenizer_config.json": "{"], says: "model/tokenizer_config.json"),
        Case(name: "settings no object", files: ["tokenizer_config.json": "[]"], says: "model/tokenizer_config.json"),
        Case(
            name: "a table no object", files: ["tokenizer_config.json": #"{"added_tokens_decoder": []}"#],
            says: "added_tokens_decoder"),
        Case(
            name: "an id no number", files: ["tokenizer_config.json": #"{"added_tokens_decoder": {"x": {}}}"#],
            says: #"id "x""#),
        Case(
            name: "no content", files: ["tokenizer_config.json": #"{"added_tokens_decoder": {"3": {}}}"#],
            says: "no content"),
        Case(
            name: "a flag no boolean",
            files: ["tokenizer_config.json": #"{"added_tokens_decoder": {"3": {"content": "x", "lstrip": 1}}}"#],
            says: "lstrip"),
        Case(
            name: "two ids",
            files: [
                "tokenizer_config.json": #"{"added_tokens_decoder": {"3": {"content": "x"}, "4": {"content": "x"}}}"#
            ], says: "two ids"),
        Case(name: "a name no text", files: ["tokenizer_config.json": #"{"bos_token": 7}"#], says: "bos_token"),
        Case(
            name: "extra no list", files: ["tokenizer_config.json": #"{"extra_special_tokens": 7}"#],
            says: "extra_special_tokens"),
        Case(
            name: "extra no texts", files: ["tokenizer_config.json": #"{"additional_special_tokens": [7]}"#],
            says: "additional_special_tokens"),
        Case(
            name: "add_bos_token no boolean", files: ["tokenizer_config.json": #"{"add_bos_token": 1}"#],
            says: "add_bos"),
        Case(name: "a map no JSON", files: ["special_tokens_map.json": "x"], says: "model/special_tokens_map.json"),
        Case(
            name: "a map of numbers", files: ["special_tokens_map.json": #"{"bos_token": 1}"#],
            says: "special_tokens_map"),
        Case(
            name: "an added id no number", files: ["added_tokens.json": #"{"x": "3"}"#], says: "model/added_tokens.json"
        ),
        Case(name: "an added id twice", files: ["added_tokens.json": #"{"x": 3, "y": 3}"#], says: "one id"),
        Case(
            name: "tokenizer.json no JSON", files: ["tokenizer.json": "{", "added_tokens.json": "{}"],
            says: "model/tokenizer.json"),
        Case(
            name: "merges without a class", files: ["tokenizer.json": "", "vocab.json": "{}", "merges.txt": ""],
            says: "tokenizer_class"),
        Case(
            name: "merges of another class",
            files: [
                "tokenizer.json": "", "vocab.json": "{}", "merges.txt": "",
                "tokenizer_config.json": #"{"tokenizer_class": "BloomTokenizer"}"#,
            ], says: "BloomTokenizer"),
        Case(
            name: "a merge of three",
            files: [
                "tokenizer.json": "", "vocab.json": #"{"a": 0}"#, "merges.txt": "#version: 0.2\na a a\n",
                "tokenizer_config.json": #"{"tokenizer_class": "GPT2Tokenizer"}"#,
            ], says: "model/merges.txt, line 2"),
        Case(
            name: "no merges",
            files: [
                "tokenizer.json": "", "vocab.json": #"{"a": 0}"#,
                "tokenizer_config.json": #"{"tokenizer_class": "GPT2Tokenizer"}"#,
            ], says: "merges.txt", kind: .missingInput),
        Case(
            name: "a tiktoken file", files: ["tokenizer.json": "", "tokenizer.model": "IQ== 0\nIg== 1\n"],
            says: "tiktoken"),
        Case(
            name: "another class over pieces",
            files: [
                "tokenizer.json": "", "tokenizer.model": "\n\u{3}\n\u{1}a",
                "tokenizer_config.json": #"{"tokenizer_class": "T5Tokenizer"}"#,
            ], says: "T5Tokenizer"),
        Case(
            name: "pieces cut off", files: ["tokenizer.json": "", "tokenizer.model": "\n\u{7F}abc"],
            says: "model/tokenizer.model, byte"),
        Case(name: "no pieces", files: ["tokenizer.json": "", "tokenizer.model": ""], says: "no pieces"),
        Case(
            name: "a piece twice", files: ["tokenizer.json": "", "tokenizer.model": "\n\u{3}\n\u{1}a\n\u{3}\n\u{1}a"],
            says: "appears twice"),
    ]

    static func made(_ files: [String: String]) throws(Fault) -> FolderTokenizer? {
        var all = files
        if all["tokenizer.json"] == nil { all["tokenizer.json"] = own }
        if all["tokenizer.json"]?.isEmpty == true { all["tokenizer.json"] = nil }
        let configuration = JSONObject([("model_type", .string("llama"))])
        return try FolderTokenizer(folder: "model", configuration: configuration) { all[$0].map { Array($0.utf8) } }
    }

    @Test(arguments: broken) func `a wrong file is named with the place`(one: Case) {
        fault(one.kind, one.says) { try FolderTokenizerTests.made(one.files) }
    }

    @Test func `a form that is not read is named`() throws {
        for name in ["tekken.json", "tiktoken.model", "vocab.txt"] {
            let folder = try TemporaryFolder()
            #expect(UnreadTokenizer.fault(folder: folder.path) == nil)
            try folder.write(name, "x")
            let found = try #require(UnreadTokenizer.fault(folder: folder.path))
            #expect(found.kind == .badData && found.file == folder.path(name) && found.advice != nil)
        }
    }

    static let disagreeing = [
        Case(
            name: "a token more", files: ["tokenizer_config.json": #"{"eos_token": "<e>"}"#],
            says: #"adds a token that tokenizer.json does not list: "<e>""#),
        Case(
            name: "another id",
            files: ["tokenizer_config.json": #"{"added_tokens_decoder": {"9": {"content": "<e>"}}}"#],
            says: #""<e>" has the id 3, not 9"#),
        Case(
            name: "other flags",
            files: [
                "tokenizer_config.json":
                    #"{"added_tokens_decoder": {"2": {"content": "<s>", "special": true, "rstrip": true}}}"#
            ],
            says: #"other flags than tokenizer.json, and its flags are used: "<s>""#),
        Case(
            name: "a table passed over",
            files: ["tokenizer_config.json": #"{"added_tokens_decoder": {}}"#, "added_tokens.json": #"{"<e>": 3}"#],
            says:
                #"added_tokens.json is ignored, as tokenizer_config.json has a table of tokens, which lacks "<e>""#),
        Case(
            name: "two names",
            files: [
                "tokenizer_config.json": #"{"eos_token": "a"}"#, "special_tokens_map.json": #"{"eos_token": "b"}"#,
            ],
            says: #"eos_token is "a" in tokenizer_config.json and "b" in special_tokens_map.json; the latter is used"#),
        Case(
            name: "two names beside a table",
            files: [
                "tokenizer_config.json": #"{"eos_token": "a", "added_tokens_decoder": {}}"#,
                "special_tokens_map.json": #"{"eos_token": "b"}"#,
            ], says: "the former is used"),
        Case(
            name: "two lists",
            files: ["tokenizer_config.json": #"{"extra_special_tokens": ["a"], "additional_special_tokens": ["b"]}"#],
            says: "additional_special_tokens is ignored"),
        Case(
            name: "a beginning that is not put", files: ["tokenizer_config.json": #"{"add_bos_token": true}"#],
            says: "says add_bos_token true, but the post-processor of tokenizer.json adds none"),
        Case(
            name: "special tokens to be split", files: ["tokenizer_config.json": #"{"split_special_tokens": true}"#],
            says: "split_special_tokens"),
        Case(name: "an id of another", files: ["added_tokens.json": #"{"<e>": 2}"#], says: "is not a token of its own"),
    ]

    @Test(arguments: disagreeing) func `files that disagree are told`(one: Case) throws {
        let made = try #require(try FolderTokenizerTests.made(one.files))
        #expect(made.warnings.contains { $0.contains(one.says) }, "\(made.warnings)")
    }

    @Test func `files that agree change nothing and are not told`() throws {
        let made = try #require(
            try FolderTokenizerTests.made([
                "tokenizer_config.json":
                    #"{"bos_token": "<s>", "add_bos_token": false, "added_tokens_decoder": {"2": {"content": "<s>", "special": true}}}"#,
                "special_tokens_map.json": #"{"bos_token": {"content": "<s>"}}"#, "added_tokens.json": #"{"<s>": 2}"#,
            ]))
        #expect(made.warnings.isEmpty && made.json == Array(FolderTokenizerTests.own.utf8))
    }

    /// Interop/check_class_steps.py holds both sides against transformers.
    @Test func `steps of a file that are not those of its class are told`() throws {
        func warnings(_ name: String, _ steps: String, _ settings: String = "") throws -> [String] {
            let file = FolderTokenizerTests.own.replacing("\"added_tokens\"", with: steps + ", \"added_tokens\"")
            let made = try FolderTokenizerTests.made([
                "tokenizer.json": file, "tokenizer_config.json": "{\"tokenizer_class\": \"\(name)\"\(settings)}",
            ])
            return made?.warnings.filter { $0.contains("builds the steps of") } ?? []
        }
        let mark = "\u{2581}"
        let llama2 =
            #""normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\#(mark)"}, "#
            + #"{"type": "Replace", "pattern": {"String": " "}, "content": "\#(mark)"}]}, "pre_tokenizer": null"#
        let llama =
            #""pre_tokenizer": {"split": false, "type": "Metaspace", "replacement": "\#(mark)", "#
            + #""prepend_scheme": "first"}"#
        let gpt2 = #""normalizer": null, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}"#
        for (name, steps, settings, isTold) in [
            ("LlamaTokenizerFast", llama2, "", true), ("LlamaTokenizer", llama, "", false),
            ("LlamaTokenizer", llama, #", "legacy": true"#, true), ("PreTrainedTokenizerFast", llama2, "", false),
            ("GPT2Tokenizer", gpt2, "", false), ("GPT2TokenizerFast", gpt2, #", "add_prefix_space": true"#, true),
            ("GPT2Tokenizer", llama, "", true), ("Qwen2Tokenizer", gpt2, "", true),
        ] {
            #expect(try warnings(name, steps, settings).count == (isTold ? 1 : 0), "\(name) \(steps) \(settings)")
        }
    }

    /// A message must not carry a file's line breaks and escapes.
    @Test func `tokens are shown harmless`() throws {
        let made = try #require(
            try FolderTokenizerTests.made(["tokenizer_config.json": #"{"eos_token": "a\n\u001b[31m\u0000"}"#]))
        #expect(
            made.warnings.count == 1 && made.warnings.allSatisfy { !$0.contains { $0.isNewline || $0 == "\u{1B}" } })
    }
}
