import JSONText
import Testing

@testable import Tasks

/// The item that a record gives.
private func item(_ definition: TaskDefinition, _ json: String) throws -> TaskItem {
    let object = try #require(try JSONValue(parsing: Array(json.utf8)).objectValue)
    return try definition.item(TaskRecord(object, file: "f", place: "line 1"))
}

/// Prompts of the forms in which tasks come besides the published ones; those are held against lm-evaluation-harness.
struct PromptTests {
    @Test func aQueryOfARCGetsTheAnswersPrompt() throws {
        let record = #"{"query": "Question: Why?", "choices": ["a", "b"], "gold": 1}"#
        let expected = TaskItem.choices(prompt: "Question: Why?\nAnswer:", choices: ["a", "b"], gold: 1)
        #expect(try item(ScienceQuestions.easy, record) == expected)
        #expect(try item(ScienceQuestions.challenge, record) == expected)
    }

    /// As lm-evaluation-harness 0.4.13 logs its targets for arc_easy, winogrande and lambada_openai.
    @Test func theTargetIsAChoicesNumberOrTheTextThatFollows() {
        #expect(TaskItem.choices(prompt: "p", choices: ["a", "b"], gold: 1).target == "1")
        #expect(TaskItem.prompts(["Ann", "Eve"], suffix: "left.", gold: 1).target == "left.")
        #expect(TaskItem.completion(prompt: "p", target: " tree").target == " tree")
        #expect(TaskItem.text("t", words: 1, bytes: 1).target == nil)
    }

    @Test func aQueryOfPIQALosesOneLineEnd() throws {
        #expect(
            try item(PIQA.definition, #"{"query": "Question: dry \n", "choices": ["a", "b"], "gold": 0}"#)
                == .choices(prompt: "Question: dry \nAnswer:", choices: ["a", "b"], gold: 0))
    }

    @Test func aQueryOfBoolQLosesItsFirstWord() throws {
        let record = #"{"query": "Passage: Ice.\nQuestion: is it?", "choices": ["no", "yes"], "gold": 1}"#
        #expect(
            try item(BoolQ.definition, record)
                == .choices(prompt: "Ice.\nQuestion: is it?\nAnswer:", choices: ["no", "yes"], gold: 1))
    }

    @Test func boolQOfSuperGLUEHasTheTitleInThePassage() throws {
        let record = #"{"question": "is it", "passage": "Ice -- Ice.", "idx": 0, "label": true}"#
        #expect(
            try item(BoolQ.definition, record)
                == .choices(prompt: "Ice -- Ice.\nQuestion: is it?\nAnswer:", choices: ["no", "yes"], gold: 1))
    }

    @Test func aQueryOfOpenBookQAAndHellaSwagStaysAsItIs() throws {
        let record = #"{"query": "The [sun] gives", "choices": ["a", "b"], "gold": 0}"#
        let expected = TaskItem.choices(prompt: "The [sun] gives", choices: ["a", "b"], gold: 0)
        #expect(try item(ScienceQuestions.openBook, record) == expected)
        #expect(try item(HellaSwag.definition, record) == expected)
    }

    @Test func theHubsFormOfScienceQuestionsIsReadToo() throws {
        let record = #"{"question": "Why?", "choices": {"text": ["a", "b"], "label": ["1", "2"]}, "answerKey": "2"}"#
        #expect(
            try item(ScienceQuestions.easy, record)
                == .choices(prompt: "Question: Why?\nAnswer:", choices: ["a", "b"], gold: 1))
    }

    @Test func winoGrandeScoresWhatFollowsTheGap() throws {
        let record = #"{"context_options": ["Ann", "Eve"], "continuation": "left.", "gold": 1}"#
        #expect(try item(WinoGrande.definition, record) == .prompts(["Ann", "Eve"], suffix: "left.", gold: 1))
        #expect(
            try item(WinoGrande.definition, record).requests(preamble: "P ")
                == [
                    TextRequest(context: "P Ann", continuation: " left."),
                    TextRequest(context: "P Eve", continuation: " left."),
                ])
    }

    @Test func theLastWordOfLAMBADAIsTheTarget() throws {
        let expected = TaskItem.completion(prompt: "a b", target: " c")
        #expect(try item(Lambada.definition, #"{"context": "a b", "continuation": "c"}"#) == expected)
        #expect(try item(Lambada.definition, #"{"text": "a b c"}"#) == expected)
    }

    @Test func rteOfSuperGLUEIsReadToo() throws {
        let record = #"{"premise": "A.", "hypothesis": "B.", "label": "not_entailment", "idx": 1}"#
        #expect(
            try item(RTE.definition, record)
                == .choices(prompt: "A.\nQuestion: B. True or False?\nAnswer:", choices: ["True", "False"], gold: 1))
    }

    @Test func mmluListsItsChoices() throws {
        let record = #"{"question": " Q? ", "choices": ["w", "x", "y", "z"], "answer": 2}"#
        #expect(
            try item(MMLU.definition("anatomy"), record)
                == .choices(prompt: "Q?\nA. w\nB. x\nC. y\nD. z\nAnswer:", choices: ["A", "B", "C", "D"], gold: 2))
        #expect(
            MMLU.definition("high_school_physics").preamble
                == "The following are multiple choice questions (with answers) about high school physics.\n\n")
    }
}

struct ScoreTests {
    private func score(_ item: TaskItem, _ values: [Double]) -> ItemScore {
        ItemScore(item, values.map { Likelihood(logProbability: $0, isGreedy: false) })
    }

    @Test func equalChoicesGoToTheFirst() {
        let item = TaskItem.choices(prompt: "", choices: ["ab", "ab"], gold: 1)
        let found = score(item, [-2, -2])
        #expect(found.predicted == 0 && found.predictedNormalized == 0)
    }

    @Test func lengthIsCountedInUnicodeScalars() {
        // One letter with an accent of its own is one character but two scalars.
        let item = TaskItem.choices(prompt: "", choices: ["e\u{301}", "ab"], gold: 0)
        #expect(score(item, [-2, -3]).normalized == [-1, -1.5])
    }

    @Test func closeChoicesAreListed() {
        let items = [
            score(.choices(prompt: "", choices: ["a", "b", "c"], gold: 0), [-3, -1.00005, -1]),
            score(.choices(prompt: "", choices: ["a", "b"], gold: 0), [-1, -2]),
        ]
        let scores = TaskScores(metrics: [.accuracy], items: items, choosesAmong: [true, true])
        #expect(scores.ties.map(\.item) == [0] && scores.ties[0].choices == [2, 1])
        #expect(scores.values[0].value == 0.5 && abs((scores.values[0].standardError ?? 0) - 0.5) < 1e-15)
    }

    @Test func predictionsThatAreNoNumbersGiveNoFigures() {
        let items = [score(.choices(prompt: "", choices: ["a", "b"], gold: 0), [-3, .nan])]
        let scores = TaskScores(metrics: [.accuracy], items: items, choosesAmong: [true])
        #expect(scores.notNumbers == 1 && scores.values[0].value.isNaN && scores.ties.isEmpty)
    }

    @Test func aSingleItemHasNoStandardError() {
        let items = [score(.choices(prompt: "", choices: ["a", "b"], gold: 0), [-1, -2])]
        #expect(TaskScores(metrics: [.accuracy], items: items, choosesAmong: [true]).values[0].standardError == nil)
    }
}
