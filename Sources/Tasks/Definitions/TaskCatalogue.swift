import Faults
import Settings

/// Tasks whose scores are also given together.
public struct TaskGroup: Equatable, Sendable {
    public let name: String
    /// The tasks in it, through all groups below.
    public let tasks: [String]
    /// Its members by name: tasks or groups.
    public let members: [String]
    public let version: Double
}

/// The tasks that are built in.
public enum TaskCatalogue {
    static let single: [TaskDefinition] = [
        HellaSwag.definition, PIQA.definition, ScienceQuestions.easy, ScienceQuestions.challenge,
        WinoGrande.definition, BoolQ.definition, ScienceQuestions.openBook, RTE.definition, Lambada.definition,
        WikiText.definition,
    ]

    /// Names as messages and help list them.
    public static let names = single.map(\.name) + ["mmlu"]

    /// Definitions and groups for names, in the order asked for; a group brings its tasks.
    ///
    /// - Throws: `usage` for a name that is unknown or given twice.
    public static func resolve(
        _ names: [String]
    ) throws(Fault) -> (tasks: [TaskDefinition], groups: [TaskGroup]) {
        var tasks: [TaskDefinition] = []
        var groups: [TaskGroup] = []
        for name in names {
            var found: [TaskDefinition] = []
            if let task = single.first(where: { $0.name == name }) {
                found = [task]
            } else if name == "mmlu" {
                let parts = MMLU.groups.map { group("mmlu_" + $0.name, $0.subjects) }
                let all = TaskGroup(
                    name: name, tasks: parts.flatMap(\.tasks), members: parts.map(\.name), version: 2)
                groups += [all] + parts
                found = MMLU.groups.flatMap(\.subjects).map(MMLU.definition)
            } else if let part = MMLU.groups.first(where: { "mmlu_" + $0.name == name }) {
                groups.append(group(name, part.subjects))
                found = part.subjects.map(MMLU.definition)
            } else if let subject = MMLU.groups.flatMap(\.subjects).first(where: { "mmlu_" + $0 == name }) {
                found = [MMLU.definition(subject)]
            } else {
                throw Fault(
                    .usage, "there is no task of this name", found: name,
                    expected: TaskCatalogue.names.joined(separator: ", ") + ", or a group or subject of mmlu",
                    advice: NearestName.of(name, among: TaskCatalogue.names).map { "did you mean \($0)?" }
                        ?? "describe a task of your own in a file for --task-file")
            }
            if let again = found.first(where: { new in tasks.contains { $0.name == new.name } }) {
                throw Fault(
                    .usage, "a task is requested twice", found: again.name, expected: "each task once")
            }
            tasks += found
        }
        return (tasks, groups)
    }

    private static func group(_ name: String, _ subjects: [String]) -> TaskGroup {
        let tasks = subjects.map { "mmlu_" + $0 }
        return TaskGroup(name: name, tasks: tasks, members: tasks, version: 2)
    }
}
