import Calibration
import Faults
import JSONText

/// A file of records, as a task's data come.
public struct RecordFile: Sendable {
    public enum Format: Equatable, Sendable {
        /// One JSON object a line.
        case jsonLines
        /// JSON lines whose labels stand in a second file, a number a line, under the key 'label'.
        case jsonLinesWithLabels(String)
        /// A header line, then fields separated by tabs; nothing is quoted, but where a field begins and ends with
        /// quotes and the file has an 'idx' after the label, as CSV writers make it.
        case tabSeparated
        /// Fields separated by commas, quoted where needed; the columns' names, or nil where the first line has them.
        case commaSeparated([String]?)
        /// Context, number of the right ending, four endings: six lines an item.
        case sixLines
        /// WikiText: a page begins at a heading of the first level.
        case pages
    }

    public let path: String
    public let format: Format

    public init(_ path: String, _ format: Format) {
        self.path = path
        self.format = format
    }

    /// The file's records.
    ///
    /// - Throws: `missingInput` without the file; `badData` with file and line for one that breaks its format or is
    ///   empty.
    public func records() throws(Fault) -> [TaskRecord] {
        let records =
            switch format {
            case .jsonLines: try jsonLines()
            case .jsonLinesWithLabels(let labels): try labelled(jsonLines(), by: labels)
            case .tabSeparated: try tabSeparated()
            case .commaSeparated(let columns): try commaSeparated(columns)
            case .sixLines: try sixLines()
            case .pages: try pages()
            }
        guard !records.isEmpty else {
            throw Fault(.badData, "the file holds no items", file: path, found: "nothing", expected: "at least one")
        }
        return records
    }

    private func eachLine(_ path: String, _ body: (LineReader.Line) throws(Fault) -> Void) throws(Fault) {
        var reader = try LineReader(try ByteFile(path))
        while let line = try reader.next() { try body(line) }
    }

    private func record(_ members: [(String, JSONValue)], line: Int) -> TaskRecord {
        var object = JSONObject()
        for (key, value) in members { object[key] = value }
        return TaskRecord(object, file: path, place: "line \(line)")
    }

    // MARK: JSON lines

    private func jsonLines() throws(Fault) -> [TaskRecord] {
        var records: [TaskRecord] = []
        try eachLine(path) { (line) throws(Fault) in
            guard !line.isBlank else { return }
            let value: JSONValue
            do throws(Fault) {
                value = try JSONValue(parsing: line.bytes)
            } catch {
                // The parser counts its own lines; within one line only the column says something.
                let column = error.place?.split(separator: ",").last.map { "," + $0 } ?? ""
                throw Fault(
                    .badData, error.summary, file: path, place: "line \(line.number)\(column)", found: error.found,
                    expected: "one JSON object per line")
            }
            guard let object = value.objectValue else {
                throw Fault(
                    .badData, "the line is not a JSON object", file: path, place: "line \(line.number)",
                    found: value.kindName, expected: "{…}")
            }
            records.append(TaskRecord(object, file: path, place: "line \(line.number)"))
        }
        return records
    }

    private func labelled(_ records: [TaskRecord], by labels: String) throws(Fault) -> [TaskRecord] {
        var values: [JSONValue] = []
        try eachLine(labels) { (line) throws(Fault) in
            guard !line.isBlank else { return }
            let text = String(decoding: line.bytes, as: UTF8.self)
            guard let label = Int(PythonText.stripped(text)) else {
                throw Fault(
                    .badData, "a label is not a number", file: labels, place: "line \(line.number)", found: text,
                    expected: "one number per line")
            }
            values.append(.integer(label))
        }
        guard values.count == records.count else {
            throw Fault(
                .badData, "the labels do not belong to the items", file: labels, found: "\(values.count) labels",
                expected: "\(records.count), one for each line of \(path)",
                advice: "take both files from the same release")
        }
        return zip(records, values).map { record, label in
            var object = record.object
            object["label"] = label
            return TaskRecord(object, file: record.file, place: record.place)
        }
    }

    // MARK: Tables

    private func tabSeparated() throws(Fault) -> [TaskRecord] {
        var columns: [String]?
        var records: [TaskRecord] = []
        try eachLine(path) { (line) throws(Fault) in
            guard !line.isBlank else { return }
            let fields = line.bytes.split(separator: 9, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            guard let columns else {
                columns = fields
                return
            }
            let isQuoted = columns.last == "idx"
            records.append(
                try row(isQuoted ? fields.map(CommaSeparated.unquoted) : fields, columns: columns, line: line.number))
        }
        return records
    }

    private func commaSeparated(_ names: [String]?) throws(Fault) -> [TaskRecord] {
        var parser = CommaSeparated()
        var rows: [CommaSeparated.Row] = []
        try eachLine(path) { (line) throws(Fault) in
            if let row = parser.add(line.bytes, number: line.number) { rows.append(row) }
        }
        if let open = parser.openLine {
            throw Fault(
                .badData, "a quoted field does not end", file: path, place: "line \(open)", found: "the file's end",
                expected: "closing quotes")
        }
        var rest = rows[...]
        guard let columns = names ?? rest.popFirst()?.fields else { return [] }
        var records: [TaskRecord] = []
        for item in rest { records.append(try row(item.fields, columns: columns, line: item.line)) }
        return records
    }

    private func row(_ fields: [String], columns: [String], line: Int) throws(Fault) -> TaskRecord {
        guard fields.count == columns.count else {
            throw Fault(
                .badData, "a line has the wrong number of fields", file: path, place: "line \(line)",
                found: "\(fields.count) fields", expected: "\(columns.count): " + columns.joined(separator: ", "))
        }
        return record(zip(columns, fields).map { ($0, .string($1)) }, line: line)
    }

    // MARK: Texts

    private func sixLines() throws(Fault) -> [TaskRecord] {
        var lines: [String] = []
        try eachLine(path) { (line) throws(Fault) in lines.append(String(decoding: line.bytes, as: UTF8.self)) }
        while lines.last?.isEmpty == true { lines.removeLast() }
        guard lines.count.isMultiple(of: 6) else {
            throw Fault(
                .badData, "the last item is incomplete", file: path, place: "line \(lines.count / 6 * 6 + 1)",
                found: "\(lines.count % 6) lines", expected: "six: context, number of the right ending, four endings")
        }
        return stride(from: 0, to: lines.count, by: 6).map { start in
            record(
                [
                    ("query", .string(lines[start])),
                    ("choices", .array(lines[start + 2..<start + 6].map { .string($0) })),
                    ("gold", .string(lines[start + 1])),
                ], line: start + 1)
        }
    }

    private func pages() throws(Fault) -> [TaskRecord] {
        var records: [TaskRecord] = []
        var page: [String] = []
        var first = 1
        func close() {
            let text = page.joined(separator: "\n")
            guard !PythonText.stripped(text).isEmpty else { return }
            records.append(record([("page", .string(text))], line: first))
        }
        let text = try EvaluationText(path).text
        for (number, line) in text.utf8.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let line = String(decoding: line, as: UTF8.self)
            var heading = PythonText.replacing("= = =", with: "===", in: line)
            heading = PythonText.stripped(PythonText.replacing("= =", with: "==", in: heading))
            if heading.hasPrefix("= "), heading.hasSuffix(" =") {
                close()
                page = []
                first = number + 1
            }
            page.append(line)
        }
        close()
        return records
    }
}
