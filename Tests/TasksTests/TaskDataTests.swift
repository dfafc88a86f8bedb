import Faults
import Foundation
import JSONText
import TestSupport
import Testing

@testable import Tasks

/// Reads a task from a file with the given text.
private func load(_ name: String, _ file: String, _ text: String, shots: Int = 0) throws -> LoadedTask {
    let folder = try TemporaryFolder()
    let path = folder.path + "/" + file
    try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try folder.write(file, text)
    return try LoadedTask(try TaskCatalogue.resolve([name]).tasks[0], folders: [folder.path], shots: shots)
}

private func fault(_ name: String, _ file: String, _ text: String, shots: Int = 0) throws -> Fault {
    try #require(throws: Fault.self) { try load(name, file, text, shots: shots) }
}

struct TaskDataTests {
    @Test func aSetThatIsNotThereIsToldWithItsFiles() throws {
        let folder = try TemporaryFolder()
        let found = try #require(throws: Fault.self) {
            try LoadedTask(PIQA.definition, folders: [folder.path])
        }
        #expect(found.kind == .missingInput && found.file == folder.path)
        #expect(found.expected?.contains("piqa/valid.jsonl") == true && found.advice?.contains("--task-data") == true)
    }

    @Test func anUnknownTaskIsToldWithTheNearestName() throws {
        let found = try #require(throws: Fault.self) { try TaskCatalogue.resolve(["helaswag"]) }
        #expect(found.kind == .usage && found.advice == "did you mean hellaswag?")
        #expect(throws: Fault.self) { try TaskCatalogue.resolve(["mmlu", "mmlu_anatomy"]) }
        #expect(throws: Fault.self) { try TaskCatalogue.resolve([""]) }
    }

    @Test func aLineThatIsNotJSONIsToldByLineAndColumn() throws {
        let good = #"{"query": "q", "choices": ["a", "b"], "gold": 0}"#
        let found = try fault("arc_easy", "arc_easy.jsonl", good + "\n{\"query\": }\n")
        #expect(found.kind == .badData && found.place?.hasPrefix("line 2, column") == true)
        #expect(found.file?.hasSuffix("arc_easy.jsonl") == true)
        #expect(try fault("arc_easy", "arc_easy.jsonl", good + "\n[1]\n").place == "line 2")
    }

    @Test(arguments: [
        #"{"query": "q", "choices": ["a", "b"], "gold": 2}"#, #"{"query": "q", "choices": ["a", "b"], "gold": -1}"#,
        #"{"query": "q", "choices": ["a", "b"], "gold": 0.5}"#, #"{"query": "q", "choices": ["a"], "gold": 0}"#,
        #"{"query": "q", "choices": "ab", "gold": 0}"#, #"{"query": 5, "choices": ["a", "b"], "gold": 0}"#,
        #"{"query": "q\u0000", "choices": ["a", "b"], "gold": 0}"#, #"{"query": "q", "choices": ["a", "b"]}"#,
        #"{"question": {"stem": "q", "choices": [{"text": "a", "label": "A"}]}, "answerKey": "Z"}"#,
        #"{"question": {"stem": "q", "choices": [3]}, "answerKey": "A"}"#, #"{"other": 1}"#, "{}",
    ])
    func aRecordOfAnotherFormIsRefusedWithItsLine(record: String) throws {
        let found = try fault("arc_easy", "arc_easy.jsonl", "\n" + record + "\n")
        #expect(found.kind == .badData && found.place == "line 2" && found.file != nil)
    }

    @Test func anEmptyFileIsRefused() throws {
        #expect(try fault("arc_easy", "arc_easy.jsonl", "\n\n").summary == "the file holds no items")
    }

    @Test func labelsMustBelongToTheItems() throws {
        let folder = try TemporaryFolder()
        let items = #"{"goal": "g", "sol1": "a", "sol2": "b"}"# + "\n"
        try FileManager.default.createDirectory(atPath: folder.path + "/piqa", withIntermediateDirectories: true)
        try folder.write("piqa/valid.jsonl", items)
        func told() throws -> Fault {
            try #require(throws: Fault.self) { try LoadedTask(PIQA.definition, folders: [folder.path]) }
        }
        #expect(try told().kind == .missingInput)
        try folder.write("piqa/valid-labels.lst", "0\n1\n")
        #expect(try told().found == "2 labels")
        try folder.write("piqa/valid-labels.lst", "x\n")
        #expect(try told().place == "line 1")
        try folder.write("piqa/valid-labels.lst", "7\n")
        #expect(try told().expected == "a number from 0 to 1")
    }

    @Test func aSentenceWithoutAGapIsRefused() throws {
        let found = try fault(
            "winogrande", "winogrande.jsonl", #"{"sentence": "s", "option1": "a", "option2": "b", "answer": "1"}"#)
        #expect(found.summary == "the sentence has no gap" && found.place == "line 1")
    }

    @Test func tablesMustHaveTheirColumns() throws {
        let short = try fault("rte", "rte_dev.tsv", "sentence1\tsentence2\tlabel\tidx\na\tb\t0\n")
        #expect(short.place == "line 2" && short.found == "3 fields")
        let open = try fault("mmlu_anatomy", "mmlu_anatomy.csv", "")
        #expect(open.kind == .missingInput)
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/test", withIntermediateDirectories: true)
        try folder.write("test/anatomy_test.csv", "q,a,b,c,d,A\n\"q,a,b,c,d,A\n")
        let found = try #require(throws: Fault.self) {
            try LoadedTask(MMLU.definition("anatomy"), folders: [folder.path])
        }
        #expect(found.summary == "a quoted field does not end" && found.place == "line 2")
    }

    @Test func quotedFieldsMayHoldCommasQuotesAndLines() {
        var parser = CommaSeparated()
        #expect(parser.add(Array(#"a,"b ""c"", "#.utf8), number: 1) == nil)
        #expect(
            parser.add(Array(#"d",,e"f"#.utf8), number: 2)
                == CommaSeparated.Row(line: 1, fields: ["a", "b \"c\", \nd", "", "e\"f"]))
        #expect(parser.add([], number: 3) == nil && parser.openLine == nil)
    }

    @Test func sixLinesMakeAnItem() throws {
        let task = try load("hellaswag", "hellaswag_val_full.txt", "ctx\n2\na\nb\nc\nd\n")
        #expect(task.items == [.choices(prompt: "ctx", choices: ["a", "b", "c", "d"], gold: 2)])
        #expect(try fault("hellaswag", "hellaswag_val_full.txt", "ctx\n2\na\nb\nc\n").place == "line 1")
        #expect(try fault("hellaswag", "hellaswag_val_full.txt", "ctx\n4\na\nb\nc\nd\n").place == "line 1")
    }

    @Test func examplesNeedItemsToDrawFrom() throws {
        let record = #"{"query": "q", "choices": ["a", "b"], "gold": 0}"#
        #expect(try fault("arc_easy", "arc_easy.jsonl", record, shots: 1).expected == "at least 2 for --num-fewshot 1")
        let task = try load(
            "arc_easy", "arc_easy.jsonl", record + "\n" + record.replacingOccurrences(of: "q\"", with: "r\""), shots: 1)
        #expect(task.warnings.count == 1 && task.warnings[0].contains("ARC-Easy-Train.jsonl"))
    }

    @Test func theLimitTakesTheFirstItems() throws {
        let folder = try TemporaryFolder()
        let record = #"{"query": "q", "choices": ["a", "b"], "gold": 0}"# + "\n"
        try folder.write("arc_easy.jsonl", record + record + record)
        let task = try LoadedTask(ScienceQuestions.easy, folders: [folder.path], limit: 2)
        #expect(task.items.count == 2 && task.originalCount == 3 && task.places == ["line 1", "line 2"])
    }
}
