import ArgumentParser
import EspalierKit
import Tasks

/// Which tasks are scored, and on what.
public struct TaskOptions: ParsableArguments {
    @Option(
        name: .customLong("tasks"), help: ArgumentHelp("Tasks to score, separated by commas.", valueName: "names"),
        completion: .tasks)
    public var names: String?

    @Option(
        name: .customLong("task-data"), parsing: .singleValue,
        help: ArgumentHelp("The folder with the tasks' files; may be given again.", valueName: "dir"),
        completion: .directory)
    public var folders: [String] = []

    @Option(
        name: .customLong("task-file"), parsing: .singleValue,
        help: ArgumentHelp("A YAML file that describes a task of your own; may be given again.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    public var files: [String] = []

    @Option(name: .long, help: ArgumentHelp("Scores at most this many items of each task.", valueName: "n"))
    public var limit: Int?

    @Option(
        name: .customLong("num-fewshot"),
        help: ArgumentHelp("Number of solved examples before each item (default: 0).", valueName: "k"))
    public var shots: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Also writes every item's requests and log-likelihoods to this file, one JSON object per line.",
            valueName: "file"), completion: .file())
    public var samples: String?

    public init() {}

    public mutating func validate() throws {
        if let names {
            guard !names.split(separator: ",").isEmpty else {
                throw ValidationError(
                    "--tasks names no task; the tasks are \(TaskCatalogue.names.joined(separator: ", ")).")
            }
            guard !folders.isEmpty else {
                throw ValidationError("--tasks needs --task-data DIR, the folder with the tasks' files.")
            }
        }
        if let limit, !(1...1_000_000_000).contains(limit) {
            throw ValidationError("--limit must be between 1 and 1000000000, not \(limit).")
        }
        if let shots, !(0...1000).contains(shots) {
            throw ValidationError("--num-fewshot must be between 0 and 1000, not \(shots).")
        }
        if settings.isEmpty {
            let used = [
                ("--task-data", !folders.isEmpty), ("--limit", limit != nil), ("--num-fewshot", shots != nil),
                ("--samples", samples != nil),
            ]
            if let (option, _) = used.first(where: \.1) {
                throw ValidationError("\(option) applies to tasks only: give --tasks NAMES or --task-file FILE.")
            }
        }
    }

    var settings: TaskSettings {
        var settings = TaskSettings()
        settings.names = names?.split(separator: ",").map(String.init) ?? []
        settings.files = files
        settings.folders = folders
        settings.limit = limit
        settings.shots = shots ?? 0
        return settings
    }
}
