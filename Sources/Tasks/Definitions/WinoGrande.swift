import Faults

/// WinoGrande (Sakaguchi et al. 2019): with which of two words in the gap is the rest of the sentence likelier?
enum WinoGrande {
    static let definition = TaskDefinition(
        "winogrande", version: 1, metrics: [.accuracy],
        files: files("dev") + [.init("winogrande.jsonl"), .init("dev.jsonl")], exampleFiles: files("train_xl"),
        item: item)

    private static func files(_ part: String) -> [TaskDefinition.DataFile] {
        ["winogrande/", "winogrande_1.1/"].map { .init("\($0)\(part).jsonl") }
    }

    static func item(_ record: TaskRecord) throws(Fault) -> TaskItem {
        if record.has("context_options") {
            let prompts = try record.texts("context_options")
            return .prompts(
                prompts, suffix: try record.text("continuation"),
                gold: try record.index("gold", below: prompts.count))
        }
        guard record.has("sentence", "option1", "option2") else {
            throw record.unknownForm("winogrande", expected: "sentence, option1, option2, answer")
        }
        let sentence = try record.text("sentence").unicodeScalars
        guard let gap = sentence.firstIndex(of: "_") else {
            throw record.fault("the sentence has no gap", found: String(sentence), expected: "one '_'")
        }
        let start = String(sentence[..<gap])
        return .prompts(
            [start + (try record.text("option1")), start + (try record.text("option2"))],
            suffix: PythonText.stripped(String(sentence[sentence.index(after: gap)...])),
            gold: try record.index("answer", below: 2, from: 1))
    }
}
