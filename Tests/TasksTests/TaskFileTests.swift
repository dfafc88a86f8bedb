import Faults
import TestSupport
import Testing

@testable import Tasks

private let good = """
    name: capitals
    data: items.jsonl
    prompt: "The capital of {{country.name}} ({{n}}, {{flags[1]}}) is"
    choices: cities
    answer: right
    """

struct TaskFileTests {
    private func task(_ yaml: String, _ items: String) throws -> LoadedTask {
        let folder = try TemporaryFolder()
        try folder.write("items.jsonl", items)
        let definition = try TaskFile.read(try folder.write("task.yaml", yaml))
        return try LoadedTask(definition, folders: [])
    }

    private let record =
        #"{"country": {"name": "France"}, "n": 3, "flags": [true, false], "cities": ["Rome", "Paris"], "right": "Paris"}"#

    @Test func aTaskIsReadFromItsFile() throws {
        let task = try task(good, record)
        #expect(task.name == "capitals" && task.definition.metrics == [.accuracy, .normalizedAccuracy])
        #expect(
            task.items == [
                .choices(prompt: "The capital of France (3, False) is", choices: ["Rome", "Paris"], gold: 1)
            ])
    }

    @Test func choicesMayBeTemplatesAndTheAnswerAnIndex() throws {
        let yaml = """
            name: own
            data: items.jsonl
            prompt: "{{q}}"
            choices: ["{{a}}", none]
            answer: "{{k}}"
            target_delimiter: ""
            description: "Answer.\\n"
            metrics: [acc]
            version: 2
            """
        let task = try task(yaml, #"{"q": "Q", "a": "A", "k": "1"}"#)
        #expect(task.definition.version == 2 && task.definition.metrics == [.accuracy])
        #expect(task.textRequests(0).map(\.context) == ["Answer.\nQ", "Answer.\nQ"])
        #expect(task.textRequests(0).map(\.continuation) == ["A", "none"])
        #expect(task.items == [.choices(prompt: "Q", choices: ["A", "none"], gold: 1)])
    }

    @Test func examplesOfAnOwnTaskComeFromTheirFile() throws {
        let folder = try TemporaryFolder()
        try folder.write("items.csv", "q,a\n1+1,2\n")
        try folder.write("more.tsv", "q\ta\n2+1\t3\n3+1\t3\n")
        let definition = try TaskFile.read(
            try folder.write(
                "task.yaml",
                "name: sums\ndata: items.csv\nfewshot_data: more.tsv\nprompt: '{{q}}='\nchoices: ['2', '3']\nanswer: a\n"
            ))
        let task = try LoadedTask(definition, folders: [], shots: 1)
        #expect(["2+1= 3\n\n1+1=", "3+1= 3\n\n1+1="].contains(task.textRequests(0)[0].context))
        #expect(task.examplePath?.hasSuffix("more.tsv") == true)
    }

    @Test(arguments: [
        ("name: x y", "the task's name cannot be used"), ("name: hellaswag", "the task's name cannot be used"),
        ("name: ''", "'name' is not a text"), ("nme: x", "unknown key 'nme'"), ("name: [a]", "'name' is not a text"),
        ("data: items.parquet", "the form of the data is not known"),
        ("data: none.jsonl", "the data file of a task does not exist"),
        ("prompt: '{{a'", "a field of a template is not closed"),
        ("prompt: '{{a|upper}}'", "a template refers to something that is not a field"),
        ("prompt: '{% for x in y %}'", "a template contains something that is not supported"),
        ("choices: [one]", "there are too few choices"), ("choices: [[a], b]", "a choice is not a text"),
        ("answer: '{{a}}{{b}}'", "'answer' is not one field"), ("metrics: [f1]", "a metric cannot be used"),
        ("metrics: acc", "'metrics' is not a list"), ("version: new", "'version' is not a number"),
        ("name: &a x", "the task file contains an anchor"), ("name: !!str x", "the task file contains a tag"),
        ("prompt: |", "the task file contains a block text"), ("name:\tx", "the task file contains a tab"),
    ])
    func aFileThatCannotBeUsedIsRefused(line: String, summary: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("items.jsonl", record)
        let key = line.prefix { $0 != ":" }
        let others = good.split(separator: "\n").filter { !$0.hasPrefix(key + ":") }
        let path = try folder.write("task.yaml", ([line[...]] + others).joined(separator: "\n") + "\n")
        let found = try #require(throws: Fault.self) { try TaskFile.read(path) }
        #expect(found.summary == summary)
        #expect(found.kind == (summary == "the data file of a task does not exist" ? .missingInput : .badData))
        #expect(found.file != nil)
    }

    @Test(arguments: [
        "", "- a\n", "name: x\n", "name: x\nname: y\n", "{", "\u{0}",
        "name: x\ndata: items.jsonl\nprompt: p\nchoices: c\n",
    ])
    func whatIsNoTaskFileIsRefused(yaml: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("task.yaml", yaml)
        let found = try #require(throws: Fault.self) { try TaskFile.read(path) }
        #expect(found.kind == .badData && found.file == path)
    }

    @Test(arguments: [
        (#"{"n": 3}"#, "the record lacks the field 'country'"),
        (
            #"{"country": {"name": null}, "n": 3, "flags": [1, 2], "cities": ["a", "b"], "right": 0}"#,
            "the field 'country.name' cannot be used in a text"
        ),
        (
            #"{"country": {"name": "x"}, "n": 3, "flags": [1], "cities": ["a", "b"], "right": 0}"#,
            "the record lacks the field 'flags[1]'"
        ),
        (
            #"{"country": {"name": "x"}, "n": 3, "flags": [1, 2], "cities": ["a"], "right": 0}"#,
            "the field 'cities' contains no choices"
        ),
        (
            #"{"country": {"name": "x"}, "n": 3, "flags": [1, 2], "cities": ["a", "b"], "right": "c"}"#,
            "'right' names none of the choices"
        ),
    ])
    func aRecordThatDoesNotFitIsToldWithItsLine(record: String, summary: String) throws {
        let found = try #require(throws: Fault.self) { try task(good, self.record + "\n" + record) }
        #expect(found.summary == summary && found.place == "line 2" && found.kind == .badData)
    }
}
