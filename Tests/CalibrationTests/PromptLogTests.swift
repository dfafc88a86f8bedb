import Calibration
import Faults
import Testing

struct PromptLogTests {
    private func fault(_ body: () throws(Fault) -> Void) -> Fault? {
        do throws(Fault) {
            try body()
            return nil
        } catch { return error }
    }

    @Test("prompts, completions and texts are read; other keys and blank lines are passed over")
    func prompts() throws {
        let log = try PromptLog(
            parsing: Array(
                "{\"prompt\": \"a\", \"completion\": \"b\", \"id\": 7}\r\n\n{\"text\": \"c\"}\n{\"prompt\": \"d\"}".utf8
            ),
            file: "p.jsonl")
        #expect(log.entries.map(\.prompt) == ["a", "c", "d"])
        #expect(log.entries.map(\.completion) == ["b", nil, nil] && log.entries.map(\.line) == [1, 3, 4])
        #expect(!log.hasTornLine)
    }

    @Test("the usual forms are read, null is absence, and one array is as good as lines")
    func promptForms() throws {
        let records = [
            #"{"prompt": "a", "completion": null, "latency": NaN}"#, #"{"prompt": "p", "chosen": "c", "rejected": 3}"#,
            #"{"text": "t"}"#,
        ]
        let lines = try PromptLog(parsing: Array(records.joined(separator: "\n").utf8), file: "p.jsonl")
        #expect(lines.entries.map(\.prompt) == ["a", "p", "t"] && lines.entries.map(\.completion) == [nil, "c", nil])
        let array = try PromptLog(parsing: Array("[\(records.joined(separator: ",\n"))]".utf8), file: "p.json")
        #expect(array == lines)
        let field = try PromptLog(parsing: Array(#"{"q": "x", "text": "t"}"#.utf8), file: "p.jsonl", textField: "q")
        #expect(field.entries.map(\.prompt) == ["x"])
    }

    @Test("a last line that is still being written is left out")
    func tornPrompt() throws {
        let log = try PromptLog(parsing: Array("{\"text\": \"a\"}\n{\"text\": \"b".utf8), file: "p.jsonl")
        #expect(log.entries.count == 1 && log.hasTornLine)
    }

    @Test(
        "wrong lines are named",
        arguments: [
            ("", nil), ("\n\n", nil), ("{\"text\": \"a\"}\nnonsense\n", "line 2, column 1"), ("[]\n", nil),
            ("[{\"prompt\": \"a\"},\n{\"x\": 1}]", "line 2"),
            ("{\"messages\": []}\n", "line 1"), ("{\"text\": 3}\n", "line 1"),
            ("{\"prompt\": \"a\", \"completion\": 1}\n", "line 1"), ("{\"text\": \"a", "line 1, column 12"),
        ] as [(String, String?)])
    func wrongPrompts(text: String, place: String?) {
        let found = fault { () throws(Fault) in _ = try PromptLog(parsing: Array(text.utf8), file: "p.jsonl") }
        #expect(found?.kind == .badData && found?.file == "p.jsonl" && found?.place == place)
    }

    @Test("a log of more prompts than can be held is refused with the line")
    func tooManyPrompts() throws {
        for text in [
            "{\"text\": \"a\"}\n\n{\"text\": \"b\"}\n{\"text\": \"c\"}\n",
            "[{\"text\": \"a\"},\n\n{\"text\": \"b\"},\n{\"text\": \"c\"}]",
        ] {
            let found = fault { () throws(Fault) in
                _ = try PromptLog(parsing: Array(text.utf8), file: "p.jsonl", most: 2)
            }
            #expect(found?.kind == .badData && found?.summary == "the file has too many prompts")
            #expect(found?.place == "line 4" && found?.file == "p.jsonl")
            #expect(try PromptLog(parsing: Array(text.utf8), file: "p.jsonl", most: 3).entries.count == 3)
        }
        #expect(PromptLog.mostPrompts == 131_072)
    }
}
