import Faults

/// Forms of a record that several tasks have.
enum SharedForms {
    /// `choices` and the index `gold`, after a prompt made from `query`.
    static func choices(_ record: TaskRecord, prompt: String) throws(Fault) -> TaskItem {
        let choices = try record.texts("choices")
        return .choices(prompt: prompt, choices: choices, gold: try record.index("gold", below: choices.count))
    }

    /// Without one line end at the text's end.
    static func withoutLineEnd(_ text: String) -> String {
        text.utf8.last == UInt8(ascii: "\n") ? String(text.unicodeScalars.dropLast()) : text
    }

    /// AI2's science questions: `question.stem`, `question.choices` of `text` and `label`, and the label `answerKey`;
    /// or the same as two lists, as the hub has it.
    static func labelledChoices(
        _ record: TaskRecord, prompt: (String) -> String
    ) throws(Fault) -> TaskItem {
        let stem: String
        var texts: [String] = []
        var labels: [String] = []
        if let question = record.object["question"], question.objectValue != nil {
            let question = try record.record("question")
            stem = try question.text("stem")
            for choice in try question.records("choices") {
                texts.append(try choice.text("text"))
                labels.append(try choice.text("label"))
            }
        } else {
            stem = try record.text(record.has("question_stem") ? "question_stem" : "question")
            let choices = try record.record("choices")
            texts = try choices.texts("text", atLeast: 1)
            labels = try choices.texts("label", atLeast: 1)
        }
        let key = PythonText.stripped(try record.text("answerKey"))
        guard labels.count == texts.count, let gold = labels.firstIndex(where: { $0.utf8.elementsEqual(key.utf8) })
        else {
            throw record.fault(
                "'answerKey' is not the label of a choice", found: key, expected: labels.joined(separator: ", "))
        }
        return .choices(prompt: prompt(stem), choices: texts, gold: gold)
    }
}
