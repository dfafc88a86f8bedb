import Faults
import JSONText
import Testing

@testable import Calibration

@Suite("Records of data sets")
struct RecordTests {
    private static let chatML = ChatTemplate.recognise(
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + "
            + "'\\n'}}{% endfor %}", beginning: nil, end: nil)

    private func content(
        _ line: String, _ purpose: RecordReader.Purpose = .document, field: String? = nil
    ) throws(Fault) -> TextRecord.Content {
        try RecordReader(purpose, textField: field).record(line.utf8, line: 1).content
    }

    private static let pair = [
        ChatMessage(role: .user, content: "hi"), ChatMessage(role: .assistant, content: "hello"),
    ]
    private static let withSystem = [ChatMessage(role: .system, content: "be kind")] + pair

    @Test(
        "a conversation is read in all of its forms",
        arguments: [
            #"{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}"#,
            #"{"text": null, "messages": [{"role": "user", "content": "hi"}, "#
                + #"{"role": "assistant", "content": "hello"}]}"#,
            #"{"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]}"#,
            #"{"conversation": [{"role": "user", "content": "hi"}, {"role": "model", "content": "hello"}]}"#,
            #"{"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}], "weight": NaN},"#
                + #" {"role": "assistant", "content": "hello", "tool_calls": null, "function_call": null}]}"#,
            #"{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello","#
                + #" "tool_calls": []}], "tools": []}"#,
            #"{"prompt": [{"role": "user", "content": "hi"}], "#
                + #""completion": [{"role": "assistant", "content": "hello"}]}"#,
            #"{"prompt": [{"role": "user", "content": "hi"}], "chosen": [{"role": "assistant", "content": "hello"}],"#
                + #" "rejected": [{"role": "assistant", "content": 3}]}"#,
            #"{"chosen": [{"role": "user", "content": "hi"}, "#
                + #"{"role": "assistant", "content": "hello"}], "rejected": []}"#,
            #"{"prompt": "hi", "chosen": [{"role": "user", "content": "hi"}, "#
                + #"{"role": "assistant", "content": "hello"}]}"#,
            #"{"prompt": "hi", "chosen": [{"role": "assistant", "content": "hello"}]}"#,
            #"{"prompt": [{"role": "user", "content": "hi"}], "completion": "hello"}"#,
        ])
    func conversations(line: String) throws {
        #expect(try content(line) == .conversation(RecordTests.pair))
    }

    @Test("a system prompt beside a conversation goes before it, and OpenAI's developer is one")
    func system() throws {
        let turns = #""conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]"#
        #expect(try content(#"{"system": "be kind", \#(turns)}"#) == .conversation(RecordTests.withSystem))
        #expect(try content(#"{"system": "", \#(turns)}"#) == .conversation(RecordTests.pair))
        let developer =
            #"{"messages": [{"role": "developer", "content": "be kind"}, {"role": "user", "content": "hi"}, "#
            + #"{"role": "assistant", "content": "hello"}]}"#
        #expect(try content(developer) == .conversation(RecordTests.withSystem))
    }

    @Test("texts, and prompts with what follows them, are joined as they are")
    func texts() throws {
        #expect(try content(#"{"text": "a", "messages": 3}"#) == .text("a"))
        #expect(try content(#"{"prompt": "a ", "completion": "b"}"#) == .prompt("a ", completion: "b"))
        #expect(try content(#"{"prompt": "a ", "chosen": "b", "rejected": "c"}"#) == .prompt("a ", completion: "b"))
        #expect(try content(#"{"chosen": "a b", "rejected": "a c"}"#) == .text("a b"))
        #expect(try content(#"{"prompt": "a"}"#, .prompt) == .prompt("a", completion: nil))
        #expect(
            try content(#"{"prompt": "a", "completion": null, "text": 7}"#, .prompt) == .prompt("a", completion: nil))
        #expect(try content(#"{"conversations": [], "id": "x"}"#) == .text(""))
        let parts = #"{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"text": "b"}, "c"]}]}"#
        #expect(try content(parts) == .conversation([ChatMessage(role: .user, content: "a\nb\nc")]))
    }

    @Test("an answer that is called response is read like the others, and so are Dolly's context and a system prompt")
    func otherNames() throws {
        for purpose in [RecordReader.Purpose.document, .prompt] {
            #expect(try content(#"{"prompt": "a ", "response": "b"}"#, purpose) == .prompt("a ", completion: "b"))
            #expect(
                try content(#"{"prompt": "a ", "completion": "b", "response": {}}"#, purpose)
                    == .prompt("a ", completion: "b"))
            let dolly = Instruction(system: nil, instruction: "do", input: "with", output: "done")
            #expect(
                try content(#"{"instruction": "do", "context": "with", "response": "done"}"#, purpose)
                    == .instruction(dolly))
            let messages =
                #""messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]"#
            for key in ["system", "system_prompt"] {
                #expect(
                    try content(#"{"\#(key)": "be kind", \#(messages)}"#, purpose)
                        == .conversation(RecordTests.withSystem))
            }
        }
        #expect(
            try content(#"{"messages": [{"role": "user", "content": "hi"}], "response": "hello"}"#, .prompt)
                == .conversation(RecordTests.pair))
        #expect(
            try content(#"{"conversations": [{"from": "Human", "value": "hi"}, {"from": "GPT", "value": "hello"}]}"#)
                == .conversation(RecordTests.pair))
    }

    @Test("a prompt is not scored in the place of a conversation beside it or of an answer under another name")
    func promptsAlone() throws {
        let line =
            #"{"prompt": "hi", "messages": [{"role": "user", "content": "hi"}, "#
            + #"{"role": "assistant", "content": "hello"}]}"#
        for purpose in [RecordReader.Purpose.document, .prompt] {
            #expect(try content(line, purpose) == .conversation(RecordTests.pair))
        }
        #expect(try content(#"{"prompt": "hi", "answer": null}"#, .prompt) == .prompt("hi", completion: nil))
        for line in [
            #"{"prompt": "hi", "answer": "hello"}"#, #"{"prompt": "hi", "outputs": ["hello"]}"#,
            #"{"instruction": "hi", "answer": "hello"}"#,
        ] {
            let fault = try #require(faultOf { () throws(Fault) in try content(line, .prompt) })
            #expect(fault.kind == .badData && fault.summary.contains("which is not supported"))
        }
    }

    @Test("an empty text gives way to another form, and a preferred answer that repeats its prompt is told once")
    func emptyAndRepeated() throws {
        let line =
            #"{"text": "", "messages": [{"role": "user", "content": "hi"}, "#
            + #"{"role": "assistant", "content": "hello"}]}"#
        #expect(try content(line) == .conversation(RecordTests.pair))
        #expect(try content(#"{"text": "", "messages": []}"#) == .text(""))
        #expect(try content(#"{"text": ""}"#, .prompt) == .text(""))
        #expect(try content(#"{"prompt": "a b", "chosen": "a b c"}"#) == .prompt("a b", completion: " c"))
        #expect(try content(#"{"prompt": "a b", "completion": "a b c"}"#) == .prompt("a b", completion: "a b c"))
        #expect(try content(#"{"prompt": "", "chosen": "c"}"#) == .prompt("", completion: "c"))
    }

    @Test(
        "objects of several lines each are records, wherever a record on one line is broken off",
        arguments: ["a.json", "a.jsonl"])
    func printedObjects(name: String) throws {
        let folder = try TestFolder()
        let lines = try folder.write("l.jsonl", #"{"text": "abcdefgh"}"# + "\n" + #"{"text": "ijkl{mn\"op"}"#)
        let printed = try folder.write(
            name,
            "\u{FEFF}\r\n{\r\n  \"text\": \"abcdefgh\",\r\n  \"n\": {\"a\": []}\r\n}\r\n"
                + "{\n  \"text\": \"ijkl{mn\\\"op\"\n}\n"
        )
        #expect(try build([printed]).tokens == build([lines]).tokens)
        for (text, place) in [
            ("{\n\"text\": \"a\"\n}\n{\"text\": 1}\n", "line 4"), ("{\n\"text\": \"a\"\n},\n{}", "line 3"),
            ("{\n\"text\": \"a\"\n", "line 1"), ("{\"text\": \"a\"\n{\"text\": \"b\"}\n", "line 1, column 13"),
            ("{\"text\": \"a\"},\n{\"text\": \"b\"}\n", "line 1, column 14"),
        ] {
            let path = try folder.write(name, text)
            let fault = try #require(faultOf { () throws(Fault) in try build([path]) })
            #expect(fault.kind == .badData && fault.place == place, "\(text): \(fault)")
        }
    }

    @Test("a plain text whose first line is a record is told", arguments: ["a.txt", "data"])
    func recordsUnderAnotherName(name: String) throws {
        let folder = try TestFolder()
        let path = try folder.write(name, "\n{\"text\": \"abcdefgh\"}\n{\"text\": \"ijklmnop\"}\n")
        #expect(try build([path]).warnings.contains { $0.contains("is read as plain text") })
        #expect(try EvaluationText(path).warning?.contains("is read as plain text") == true)
        let plain = try folder.write(name, "{abcdefgh}\n{\"txt\": \"ijklmnop\"}\n")
        #expect(try !build([plain]).warnings.contains { $0.contains("is read as plain text") })
        #expect(try EvaluationText(plain).warning == nil)
    }

    @Test(
        "a text to evaluate on is text: NUL, as of UTF-16 without a mark, and blanks alone are refused",
        arguments: [
            ("ab\nc\u{0}d", "the file looks like UTF-16: it contains a NUL byte", "line 2"),
            (" \n\t\r\n", "the text holds nothing but white space", nil),
        ] as [(String, String, String?)])
    func evaluationTexts(text: String, summary: String, place: String?) throws {
        let folder = try TestFolder()
        let path = try folder.write("a.txt", text)
        let fault = try #require(faultOf { () throws(Fault) in try EvaluationText(path) })
        #expect(fault.kind == .badData && fault.summary == summary && fault.place == place)
    }

    @Test("a log's reply follows its messages")
    func logged() throws {
        let line = #"{"messages": [{"role": "user", "content": "hi"}], "completion": "hello"}"#
        #expect(try content(line, .prompt) == .conversation(RecordTests.pair))
    }

    @Test("Alpaca's form is a conversation where the model has a template, else the text that Alpaca was trained on")
    func alpaca() throws {
        let line = #"{"instruction": "Add.", "input": "1 2", "output": "3", "id": Infinity}"#
        let record = try RecordReader(.document).record(line.utf8, line: 1)
        let rendered = try record.document(RecordTests.chatML)
        #expect(
            rendered.text == "<|im_start|>user\nAdd.\n1 2<|im_end|>\n<|im_start|>assistant\n3<|im_end|>\n"
                && rendered.isRendered)
        let plain = try record.document(.missing)
        #expect(
            plain.text == "Below is an instruction that describes a task, paired with an input that provides further "
                + "context. Write a response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n"
                + "### Input:\n1 2\n\n### Response:\n3")
        let short = try RecordReader(.document).record(
            #"{"instruction": "Go.", "input": "", "output": "ok"}"#.utf8, line: 1)
        #expect(
            try short.document(.unknown(digest: "", reason: nil)).text
                == "Below is an instruction that describes a task. Write a response that appropriately completes the "
                + "request.\n\n### Instruction:\nGo.\n\n### Response:\nok")
        #expect(try short.exchange { () throws(Fault) in .missing }.completion == "ok")
    }

    @Test("a field that is named is the only one that is read")
    func field() throws {
        #expect(try content(#"{"body": "a", "text": 3}"#, field: "body") == .text("a"))
        let turns = #"{"talk": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}"#
        #expect(try content(turns, field: "talk") == .conversation(RecordTests.pair))
        for line in [#"{"text": "a"}"#, #"{"body": null}"#, #"{"body": 3}"#, #"{"body": NaN}"#] {
            #expect(faultOf { () throws(Fault) in try content(line, field: "body") }?.kind == .badData)
        }
    }

    @Test(
        "what stands in keys that are not read does not matter",
        arguments: [
            "NaN", "-Infinity", "[NaN, {\"a\": Infinity}]", "\"\\ud800\"", "{\"a\": 1, \"a\": 2}", "007", "-1e5",
            "[[[]]]",
            "\"}\\\"]\"", String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000),
        ])
    func ignored(value: String) throws {
        #expect(try content("{\"score\": \(value), \"text\": \"a\", \"score\": \(value)}") == .text("a"))
        let message = "{\"role\": \"user\", \"x\": \(value), \"content\": \"hi\"}"
        #expect(
            try content("{\"messages\": [\(message)]}") == .conversation([ChatMessage(role: .user, content: "hi")]))
    }

    @Test(
        "what is damaged or cannot be rendered is refused by name",
        arguments: [
            (#"{"messages": [{"role": "tool", "content": "3"}]}"#, "messages[0] is a tool's answer"),
            (#"{"conversations": [{"from": "function_call", "value": "f()"}]}"#, "conversations[0] is a tool's answer"),
            (
                #"{"messages": [{"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]}]}"#,
                "messages[0] calls a tool"
            ),
            (#"{"messages": [{"role": "assistant", "content": "", "function_call": {}}]}"#, "messages[0] calls a tool"),
            (
                #"{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}"#,
                "'messages[0].content[0]' is not text"
            ),
            (#"{"messages": [{"role": "robot", "content": "a"}]}"#, "unknown role"),
            (#"{"messages": [{"role": "user", "content": null}]}"#, "'messages[0].content' is missing"),
            (#"{"messages": [{"role": "user", "content": 3}]}"#, "not a string"),
            (#"{"text": NaN}"#, "'text' is not a string"), (#"{"text": "\ud800"}"#, "surrogate"),
            (#"{"text": "a", "x": tru}"#, "a JSON value was expected"), (#"{"text": "a", "x": [}"#, "bracket"),
            (#"{"text": "a", "x": "b}"#, "a string is not closed"), (#"{"text": "a", "x": [1"#, "ends early"),
            (#"{"prompt": "a", "chosen": 3}"#, "'chosen' is not a string"),
            (#"{"instruction": "a", "output": "b", "history": [["c", "d"]]}"#, "'history'"),
            (#"{"instruction": "a"}"#, "only 'instruction'"), (#"{"body": "a"}"#, "no text"),
        ])
    func refused(line: String, words: String) throws {
        let fault = try #require(faultOf { () throws(Fault) in try content(line) })
        #expect(fault.kind == .badData && fault.summary.contains(words), "\(fault)")
        #expect(fault.place?.hasPrefix("line 1") == true)
    }

    @Test("one array of records gives what its lines give, over line ends, with places and wrong records left out")
    func arrays() throws {
        let folder = try TestFolder()
        let lines = try folder.write("a.jsonl", "{\"text\": \"abcdefgh\"}\n{\"text\": \"ij]{klmnop\"}\n")
        for (name, text) in [
            ("a.json", "\u{FEFF} [\n {\"text\": \"abcdefgh\"},\n {\"text\":\n \"ij]{klmnop\"}\n]\n"),
            ("b.jsonl", "[{\"text\":\"abcdefgh\"},{\"text\":\"ij]{klmnop\"}]"),
        ] {
            let set = try build([try folder.write(name, text)])
            #expect(set.tokens == (try build([lines])).tokens)
            #expect(set.sources[0]["kind"] == .string("json") && set.sources[0]["documents"] == .integer(2))
        }
        let wrong = "[{\"text\": \"abcdefgh\"},\n\n{\"txt\": 1},\n{\"text\": \"ij]{klmnop\"}]"
        let path = try folder.write("wrong.json", wrong)
        #expect(faultOf { () throws(Fault) in try build([path]) }?.place == "line 3")
        let set = try build([path], skippedLines: 1)
        #expect(set.tokens == (try build([lines])).tokens)
        #expect(set.warnings.contains { $0.contains("1 invalid record of wrong.json") })
        for (index, text) in [
            "[]", "[{\"text\": \"a\"}", "[{\"text\": \"a\"} {}]", "[1]", "[{}] x", "[{\"text\": \"a\"},]",
        ]
        .enumerated() {
            let path = try folder.write("\(index).json", text)
            let fault = faultOf { () throws(Fault) in try build([path]) }
            #expect(fault?.kind == .badData && fault?.file == path, "\(text)")
        }
    }

    @Test("definitions of tools beside a conversation are told, not rendered")
    func tools() throws {
        let folder = try TestFolder()
        let message = "{\"role\": \"user\", \"content\": \"abcdefghijklmnop\"}"
        let path = try folder.write(
            "a.jsonl",
            "{\"messages\": [\(message)], \"tools\": [{\"type\": \"function\"}]}\n{\"messages\": [\(message)]}\n")
        let set = try build([path], chat: RecordTests.chatML)
        #expect(
            set.warnings.contains("1 conversation of a.jsonl rendered without the definitions of its tools"))
    }

    @Test(
        "a plain text may have any name that is not known to be something else",
        arguments: ["news", "wiki.train.raw", "README.md", "a.log", "b.TEXT", "notes.2024"])
    func names(name: String) throws {
        let folder = try TestFolder()
        let path = try folder.write(name, "abcdefgh\n\nijklmnop\n")
        #expect(try build([path]).tokens == build([try folder.write("plain.txt", "abcdefgh\n\nijklmnop\n")]).tokens)
    }

    @Test(
        "what holds no text is refused whatever it is called",
        arguments: [
            ([0x28, 0xB5, 0x2F, 0xFD, 0, 1], "decompress it first"), ([0x50, 0x4B, 3, 4], "store its text"),
            (Array("PAR1".utf8) + [0, 1], "pandas.read_parquet(sys.argv[1])"),
            ([0xFF, 0xFE, 0x61, 0], "convert the file to UTF-8"),
            (Array("%PDF-1.7\n".utf8), "store its text"),
            (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "lfs pull"),
        ] as [([UInt8], String)])
    func binary(bytes: [UInt8], advice: String) throws {
        let folder = try TestFolder()
        for name in ["a.txt", "a.jsonl", "a"] {
            let path = try folder.write(name, bytes)
            let fault = faultOf { () throws(Fault) in try build([path]) }
            #expect(fault?.kind == .badData && fault?.advice?.contains(advice) == true)
            #expect(faultOf { () throws(Fault) in try EvaluationText(path) }?.advice?.contains(advice) == true)
        }
    }

    @Test("records to evaluate on are one text, joined by blank lines as data sets are measured, empty ones included")
    func evaluation() throws {
        let folder = try TestFolder()
        let path = try folder.write("a.ndjson", "{\"text\": \"a\"}\n{\"text\": \"\"}\n{\"text\": \" b\\n\"}\n")
        let text = try EvaluationText(records: path, chat: .missing, textField: nil)
        #expect(text.text == "a\n\n\n\n b\n" && text.documents == 3)
        let chats = try folder.write(
            "b.jsonl",
            ["x", "y"].map { "{\"conversations\": [{\"from\": \"human\", \"value\": \"\($0)\"}]}" }
                .joined(separator: "\n")
        )
        #expect(
            try EvaluationText(records: chats, chat: RecordTests.chatML, textField: nil).text
                == "<|im_start|>user\nx<|im_end|>\n<|im_start|>user\ny<|im_end|>\n")
    }
}
