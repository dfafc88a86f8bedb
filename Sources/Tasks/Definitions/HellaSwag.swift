import Faults

/// HellaSwag (Zellers et al. 2019): which of four endings continues the scene?
enum HellaSwag {
    static let definition = TaskDefinition(
        "hellaswag", version: 1, metrics: [.accuracy, .normalizedAccuracy],
        files: [
            .init("hellaswag_val.jsonl"), .init("hellaswag/hellaswag_val.jsonl"),
            .init("hellaswag_val_full.txt", .sixLines), .init("hellaswag.jsonl"),
        ],
        exampleFiles: [.init("hellaswag_train.jsonl"), .init("hellaswag/hellaswag_train.jsonl")],
        item: item)

    static func item(_ record: TaskRecord) throws(Fault) -> TaskItem {
        if record.has("query") { return try SharedForms.choices(record, prompt: record.text("query")) }
        guard record.has("ctx_a", "endings") else {
            throw record.unknownForm("hellaswag", expected: "activity_label, ctx_a, ctx_b, endings, label")
        }
        let context = try record.text("ctx_a") + " " + PythonText.capitalized(try record.text("ctx_b"))
        let endings = try record.texts("endings")
        return .choices(
            prompt: cleaned(try record.text("activity_label") + ": " + context), choices: endings.map(cleaned),
            gold: try record.index("label", below: endings.count))
    }

    /// Without what WikiHow's layout left in the text.
    static func cleaned(_ text: String) -> String {
        let text = PythonText.replacing(" [title]", with: ". ", in: PythonText.stripped(text))
        return PythonText.replacing("  ", with: " ", in: withoutBrackets(text))
    }

    /// Drops every "[…]" that closes on its line, shortest first: the expression `\[.*?\]`.
    private static func withoutBrackets(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let open = rest.firstIndex(of: "[") {
            result += rest[..<open]
            let inner = rest[rest.index(after: open)...]
            if let end = inner.firstIndex(where: { $0 == "]" || $0 == "\n" }), inner[end] == "]" {
                rest = rest[rest.index(after: end)...]
            } else {
                result.append("[")
                rest = inner
            }
        }
        result += rest
        return String(result)
    }
}
