/// Which tasks `evaluate` scores, and how.
public struct TaskSettings: Equatable, Sendable {
    /// Names of built-in tasks and groups.
    public var names: [String] = []
    /// Files that describe own tasks.
    public var files: [String] = []
    /// Folders with the tasks' data.
    public var folders: [String] = []
    /// Items of a task at most.
    public var limit: Int?
    /// Solved examples before each item.
    public var shots = 0

    /// No tasks.
    public init() {}

    /// Whether nothing is asked for.
    public var isEmpty: Bool { names.isEmpty && files.isEmpty }
}
