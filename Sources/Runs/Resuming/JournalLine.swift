import Faults
import JSONText

/// A line of a run's journal, read as what anybody may have written: every value is of the kind and within the bounds
/// that the run gives, or the fault names file, line and key.
struct JournalLine {
    let file: String
    /// From 1.
    let number: Int
    let object: JSONObject
    let kind: String

    static let advice = "start the run again with --overwrite"

    /// Sizes and counts in a journal are below this, so that sums of them do not overflow.
    static let most = 1 << 52

    init(_ value: JSONValue, number: Int, file: String) throws(Fault) {
        guard let object = value.objectValue, let kind = object["kind"]?.stringValue else {
            throw Fault(
                .badData, "a line of the journal has no kind", file: file, place: "line \(number)",
                found: value.objectValue?["kind"]?.kindName ?? value.kindName, expected: "an object with a 'kind'",
                advice: JournalLine.advice)
        }
        (self.file, self.number, self.object, self.kind) = (file, number, object, kind)
    }

    /// All lines after the first, which tells of the run.
    static func all(_ lines: [JSONValue], file: String) throws(Fault) -> [JournalLine] {
        var read: [JournalLine] = []
        for (index, value) in lines.enumerated() {
            read.append(try JournalLine(value, number: index + 2, file: file))
        }
        return read
    }

    func fault(_ key: String?, found: String, expected: String) -> Fault {
        Fault(
            .badData, "the journal does not match the run", file: file,
            place: "line \(number)" + (key.map { ", key '\($0)'" } ?? ""), found: found, expected: expected,
            advice: JournalLine.advice)
    }

    /// A line that stands where another kind of line belongs.
    func misplaced(expected: String) -> Fault { fault("kind", found: "\"\(kind.prefix(60))\"", expected: expected) }

    func integer(
        _ object: JSONObject, _ key: String, in range: ClosedRange<Int> = 0...most, at path: String = ""
    ) throws(Fault) -> Int {
        guard let integer = object[key]?.integerValue, range.contains(integer) else {
            throw fault(
                path + key, found: object[key]?.kindName ?? "nothing",
                expected: range.lowerBound == range.upperBound
                    ? "\(range.lowerBound)" : "an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return integer
    }

    func number(_ value: JSONValue?, _ key: String, in range: ClosedRange<Double>) throws(Fault) -> Double {
        guard let number = value?.doubleValue, range.contains(number) else {
            throw fault(
                key, found: value?.kindName ?? "nothing",
                expected: "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func text(_ key: String) throws(Fault) -> String {
        guard let text = object[key]?.stringValue else {
            throw fault(key, found: object[key]?.kindName ?? "nothing", expected: "a string")
        }
        return text
    }

    func list(_ key: String, count: Int? = nil) throws(Fault) -> [JSONValue] {
        guard let list = object[key]?.arrayValue else {
            throw fault(key, found: object[key]?.kindName ?? "nothing", expected: "an array")
        }
        if let count, list.count != count {
            throw fault(key, found: "\(list.count) entries", expected: "\(count)")
        }
        return list
    }

    /// The file that a line tells of, which has this name and no other: none of a folder elsewhere.
    func checkFile(named name: String) throws(Fault) {
        let found = try text("file")
        guard ExactText(found) == ExactText(name) else {
            throw fault("file", found: "\"\(found.prefix(200))\"", expected: "\"\(name)\"")
        }
        let digest = try text("sha256")
        guard digest.utf8.count == 64, digest.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { throw fault("sha256", found: "\"\(digest.prefix(80))\"", expected: "64 hexadecimal digits") }
        _ = try integer(object, "bytes")
    }
}
