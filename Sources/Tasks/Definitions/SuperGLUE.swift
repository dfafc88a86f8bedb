import Faults
import JSONText

/// BoolQ (Clark et al. 2019): yes or no?
enum BoolQ {
    static let definition = TaskDefinition(
        "boolq", version: 2, metrics: [.accuracy],
        files: [
            .init("boolq/dev.jsonl"), .init("BoolQ/val.jsonl"), .init("boolq/val.jsonl"), .init("boolq.jsonl"),
            .init("dev.jsonl"),
        ],
        exampleFiles: [.init("boolq/train.jsonl"), .init("BoolQ/train.jsonl")], item: item)

    static func item(_ record: TaskRecord) throws(Fault) -> TaskItem {
        let choices = ["no", "yes"]
        if record.has("query") {
            // "Passage: …\nQuestion: …?"; the first word is not in the prompt.
            let query = try record.text("query")
            guard query.hasPrefix("Passage: "), try record.texts("choices") == choices else {
                throw record.unknownForm("boolq", expected: "a query \"Passage: …\" and the choices no, yes")
            }
            return .choices(
                prompt: query.dropFirst("Passage: ".count) + "\nAnswer:", choices: choices,
                gold: try record.index("gold", below: 2))
        }
        guard record.has("passage", "question") else {
            throw record.unknownForm("boolq", expected: "passage, question and label or answer")
        }
        // SuperGLUE, which the task is taken from, has the title in the passage; the set's own release beside it.
        let title = record.has("title") ? try record.text("title") + " -- " : ""
        let key = record.has("label") ? "label" : "answer"
        let gold: Int
        if case .bool(let isTrue) = record.object[key] {
            gold = isTrue ? 1 : 0
        } else {
            gold = try record.index(key, below: 2)
        }
        return .choices(
            prompt: "\(title)\(try record.text("passage"))\nQuestion: \(try record.text("question"))?\nAnswer:",
            choices: choices, gold: gold)
    }
}

/// RTE (Wang et al. 2019): does the second sentence follow from the first?
enum RTE {
    static let definition = TaskDefinition(
        "rte", version: 1, metrics: [.accuracy],
        files: [
            .init("RTE/dev.tsv", .tabSeparated), .init("rte/dev.tsv", .tabSeparated),
            .init("rte_dev.tsv", .tabSeparated), .init("rte.jsonl"), .init("RTE/val.jsonl"),
            .init("dev.tsv", .tabSeparated),
        ],
        exampleFiles: [
            .init("RTE/train.tsv", .tabSeparated), .init("rte/train.tsv", .tabSeparated), .init("RTE/train.jsonl"),
        ], item: item)

    static func item(_ record: TaskRecord) throws(Fault) -> TaskItem {
        let keys =
            record.has("premise", "hypothesis") ? ("premise", "hypothesis") : ("sentence1", "sentence2")
        guard record.has(keys.0, keys.1, "label") else {
            throw record.unknownForm("rte", expected: "sentence1, sentence2, label")
        }
        let gold: Int
        switch record.object["label"]?.stringValue {
        case "entailment": gold = 0
        case "not_entailment": gold = 1
        default: gold = try record.index("label", below: 2)
        }
        return .choices(
            prompt: "\(try record.text(keys.0))\nQuestion: \(try record.text(keys.1)) True or False?\nAnswer:",
            choices: ["True", "False"], gold: gold)
    }
}
