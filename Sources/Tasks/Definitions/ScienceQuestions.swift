import Faults

/// ARC (Clark et al. 2018) and OpenBookQA (Mihaylov et al. 2018): school questions in science.
enum ScienceQuestions {
    static let easy = arc("arc_easy", folder: "ARC-Easy")
    static let challenge = arc("arc_challenge", folder: "ARC-Challenge")

    private static func arc(_ name: String, folder: String) -> TaskDefinition {
        func files(_ part: String) -> [TaskDefinition.DataFile] {
            ["", folder + "/", "ARC-V1-Feb2018-2/\(folder)/", "ARC-V1-Feb2018/\(folder)/"].map {
                .init("\($0)\(folder)-\(part).jsonl")
            }
        }
        return TaskDefinition(
            name, version: 1, metrics: [.accuracy, .normalizedAccuracy],
            files: files("Test") + [.init("\(name).jsonl")], exampleFiles: files("Train"), examples: .drawn
        ) { (record) throws(Fault) in
            if record.has("query") {
                // The query brings "Question: " with it.
                let query = SharedForms.withoutLineEnd(try record.text("query"))
                return try SharedForms.choices(record, prompt: query + "\nAnswer:")
            }
            guard record.has("question", "answerKey") else {
                throw record.unknownForm(name, expected: "question, answerKey; or query, choices, gold")
            }
            return try SharedForms.labelledChoices(record) { "Question: \($0)\nAnswer:" }
        }
    }

    static let openBook = TaskDefinition(
        "openbookqa", version: 1, metrics: [.accuracy, .normalizedAccuracy],
        files: openBookFiles("test") + [.init("openbookqa.jsonl"), .init("openbook_qa.jsonl"), .init("test.jsonl")],
        exampleFiles: openBookFiles("train"), examples: .drawn
    ) { (record) throws(Fault) in
        if record.has("query") { return try SharedForms.choices(record, prompt: record.text("query")) }
        guard record.has("answerKey") else {
            throw record.unknownForm("openbookqa", expected: "question, answerKey; or query, choices, gold")
        }
        return try SharedForms.labelledChoices(record) { $0 }
    }

    private static func openBookFiles(_ part: String) -> [TaskDefinition.DataFile] {
        ["openbookqa/", "OpenBookQA-V1-Sep2018/Data/Main/", "openbookqa/Main/"].map { .init("\($0)\(part).jsonl") }
    }
}
