import Faults

/// PIQA (Bisk et al. 2020): which of two ways reaches a goal in the physical world?
enum PIQA {
    static let definition = TaskDefinition(
        "piqa", version: 1, metrics: [.accuracy, .normalizedAccuracy],
        files: folders.map { file($0, "valid") } + folders.map { file($0, "dev") } + [.init("piqa.jsonl")]
            + [file("", "valid")],
        exampleFiles: folders.map { file($0, "train") }, item: item)

    private static let folders = ["piqa/", "piqa/data/", "physicaliqa-train-dev/"]

    private static func file(_ folder: String, _ part: String) -> TaskDefinition.DataFile {
        .init("\(folder)\(part).jsonl", .jsonLinesWithLabels("\(folder)\(part)-labels.lst"))
    }

    static func item(_ record: TaskRecord) throws(Fault) -> TaskItem {
        if record.has("query") {
            // The query brings "Question: " with it, and a line end.
            let query = SharedForms.withoutLineEnd(try record.text("query"))
            return try SharedForms.choices(record, prompt: query + "\nAnswer:")
        }
        guard record.has("goal", "sol1", "sol2") else {
            throw record.unknownForm("piqa", expected: "goal, sol1, sol2; or query, choices, gold")
        }
        return .choices(
            prompt: "Question: \(try record.text("goal"))\nAnswer:",
            choices: [try record.text("sol1"), try record.text("sol2")], gold: try record.index("label", below: 2))
    }
}
