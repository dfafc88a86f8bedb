import Faults
import JSONText

/// One record of a data file, with its place for messages.
public struct TaskRecord: Sendable {
    public let object: JSONObject
    public let file: String
    /// "line 3"
    public let place: String
    /// The way to a nested object: "question."
    private let prefix: String

    public init(_ object: JSONObject, file: String, place: String, prefix: String = "") {
        self.object = object
        self.file = file
        self.place = place
        self.prefix = prefix
    }

    /// Whether all the keys are there.
    func has(_ keys: String...) -> Bool { keys.allSatisfy { object[$0] != nil } }

    func text(_ key: String) throws(Fault) -> String {
        let value = try value(key, expected: "a text")
        guard let text = value.stringValue else { throw mismatch(key, value, expected: "a text") }
        guard !text.utf8.contains(0) else {
            throw fault(
                "'\(prefix)\(key)' contains a NUL character", found: "\\u0000", expected: "text without NUL")
        }
        return text
    }

    /// A list of at least `count` texts.
    func texts(_ key: String, atLeast count: Int = 2) throws(Fault) -> [String] {
        let expected = "a list of at least \(count) texts"
        let value = try value(key, expected: expected)
        guard let items = value.arrayValue, items.count >= count else {
            throw mismatch(key, value, expected: expected)
        }
        var texts: [String] = []
        for item in items {
            guard let text = item.stringValue, !text.utf8.contains(0) else {
                throw mismatch(key, item, expected: "texts in the list")
            }
            texts.append(text)
        }
        return texts
    }

    /// A number from `first` on, written as a number or in quotes, as its distance from `first`.
    func index(_ key: String, below count: Int, from first: Int = 0) throws(Fault) -> Int {
        let expected = "a number from \(first) to \(first + count - 1)"
        let value = try value(key, expected: expected)
        guard let number = value.integerValue ?? value.stringValue.flatMap({ Int($0) }),
            number >= first, number - first < count
        else { throw mismatch(key, value, expected: expected) }
        return number - first
    }

    /// An object within this one.
    func record(_ key: String) throws(Fault) -> TaskRecord {
        let value = try value(key, expected: "an object")
        guard let object = value.objectValue else { throw mismatch(key, value, expected: "an object") }
        return TaskRecord(object, file: file, place: place, prefix: prefix + key + ".")
    }

    func records(_ key: String) throws(Fault) -> [TaskRecord] {
        let value = try value(key, expected: "a list of objects")
        guard let items = value.arrayValue else { throw mismatch(key, value, expected: "a list of objects") }
        var records: [TaskRecord] = []
        for (index, item) in items.enumerated() {
            guard let object = item.objectValue else { throw mismatch(key, item, expected: "a list of objects") }
            records.append(TaskRecord(object, file: file, place: place, prefix: "\(prefix)\(key)[\(index)]."))
        }
        return records
    }

    private func value(_ key: String, expected: String) throws(Fault) -> JSONValue {
        guard let value = object[key] else {
            throw fault("'\(prefix)\(key)' is missing", found: keysFound, expected: expected)
        }
        return value
    }

    // MARK: Faults

    func mismatch(_ key: String, _ value: JSONValue, expected: String) -> Fault {
        fault("'\(prefix)\(key)' has a value that cannot be used", found: value.kindName, expected: expected)
    }

    /// For a record that has none of the forms of a task.
    func unknownForm(_ task: String, expected: String) -> Fault {
        fault(
            "the record has none of the forms of \(task)", found: keysFound, expected: expected,
            advice: "Documentation/Tasks.md lists the files of each task")
    }

    func fault(_ summary: String, found: String?, expected: String? = nil, advice: String? = nil) -> Fault {
        Fault(.badData, summary, file: file, place: place, found: found, expected: expected, advice: advice)
    }

    private var keysFound: String {
        object.isEmpty ? "an empty object" : "the keys " + object.keys.prefix(8).joined(separator: ", ")
    }
}
