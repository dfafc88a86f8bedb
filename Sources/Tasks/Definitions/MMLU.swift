import Faults

/// MMLU (Hendrycks et al. 2021): examination questions of 57 subjects in four groups.
enum MMLU {
    static let groups: [(name: String, subjects: [String])] = [
        (
            "stem",
            [
                "abstract_algebra", "anatomy", "astronomy", "college_biology", "college_chemistry",
                "college_computer_science", "college_mathematics", "college_physics", "computer_security",
                "conceptual_physics", "electrical_engineering", "elementary_mathematics", "high_school_biology",
                "high_school_chemistry", "high_school_computer_science", "high_school_mathematics",
                "high_school_physics", "high_school_statistics", "machine_learning",
            ]
        ),
        (
            "other",
            [
                "business_ethics", "clinical_knowledge", "college_medicine", "global_facts", "human_aging",
                "management", "marketing", "medical_genetics", "miscellaneous", "nutrition",
                "professional_accounting", "professional_medicine", "virology",
            ]
        ),
        (
            "social_sciences",
            [
                "econometrics", "high_school_geography", "high_school_government_and_politics",
                "high_school_macroeconomics", "high_school_microeconomics", "high_school_psychology",
                "human_sexuality", "professional_psychology", "public_relations", "security_studies", "sociology",
                "us_foreign_policy",
            ]
        ),
        (
            "humanities",
            [
                "formal_logic", "high_school_european_history", "high_school_us_history",
                "high_school_world_history", "international_law", "jurisprudence", "logical_fallacies",
                "moral_disputes", "moral_scenarios", "philosophy", "prehistory", "professional_law",
                "world_religions",
            ]
        ),
    ]

    static func definition(_ subject: String) -> TaskDefinition {
        let words = subject.split(separator: "_").joined(separator: " ")
        return TaskDefinition(
            "mmlu_" + subject, version: 1, metrics: [.accuracy],
            preamble: "The following are multiple choice questions (with answers) about \(words).\n\n",
            files: files(subject, "test") + [.init("mmlu/\(subject).jsonl"), .init("mmlu_\(subject).jsonl")],
            exampleFiles: files(subject, "dev"), examples: .first, item: item)
    }

    private static func files(_ subject: String, _ part: String) -> [TaskDefinition.DataFile] {
        ["mmlu/", "", "mmlu/data/", "data/"].map {
            .init("\($0)\(part)/\(subject)_\(part).csv", .commaSeparated(["question", "A", "B", "C", "D", "answer"]))
        }
    }

    static let letters = ["A", "B", "C", "D"]

    static func item(_ record: TaskRecord) throws(Fault) -> TaskItem {
        var choices: [String] = []
        if record.has("choices") {
            choices = try record.texts("choices", atLeast: 4)
        } else {
            for letter in letters { choices.append(try record.text(letter)) }
        }
        guard choices.count == 4 else {
            throw record.fault("a question does not have four choices", found: "\(choices.count)", expected: "4")
        }
        let answer = record.object["answer"]?.stringValue.map(PythonText.stripped)
        let gold: Int
        if let index = answer.flatMap({ letters.firstIndex(of: $0) }) {
            gold = index
        } else if let answer, Int(answer) == nil {
            throw record.fault("the answer is not the letter of a choice", found: answer, expected: "A, B, C or D")
        } else {
            gold = try record.index("answer", below: 4)
        }
        let lines = zip(letters, choices).map { "\($0). \($1)\n" }.joined()
        let question = PythonText.stripped(try record.text("question"))
        return .choices(prompt: "\(question)\n\(lines)Answer:", choices: letters, gold: gold)
    }
}
