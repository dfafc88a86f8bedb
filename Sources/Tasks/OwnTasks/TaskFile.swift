import Calibration
import Faults
import Files
import JSONText
import Settings
import Yams

/// A task that a user describes in a small YAML file.
///
/// ```yaml
/// name: capitals
/// data: capitals.jsonl
/// prompt: "The capital of {{country}} is"
/// choices: cities
/// answer: right
/// ```
public enum TaskFile {
    /// The largest file that is read, in bytes.
    static let largestFile = 1 << 20

    static let required = ["name", "data", "prompt", "choices", "answer"]
    static let optional = ["description", "target_delimiter", "fewshot_data", "metrics", "version"]

    /// Reads a task file.
    ///
    /// - Throws: `badData` with line and column for what is not YAML, for anchors, aliases, tags and tabs, for unknown,
    ///   missing and duplicate keys and for values that cannot be used; `missingInput` without the file.
    public static func read(_ path: String) throws(Fault) -> TaskDefinition {
        let file = try ByteFile(path)
        guard file.size <= largestFile else {
            throw Fault(
                .badData, "the task file is too large", file: path, found: "\(file.size) bytes",
                expected: "at most \(largestFile) bytes")
        }
        guard let yaml = String(validating: try file.bytes(at: 0, count: file.size), as: UTF8.self) else {
            throw Fault(.badData, "the task file is not UTF-8 text", file: path)
        }
        return try definition(yaml, file: path)
    }

    static func definition(_ yaml: String, file: String) throws(Fault) -> TaskDefinition {
        let keys = try Keys(yaml, file: file)
        let name = try keys.text("name")
        let isPlain = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) || (48...57).contains($0)
                || [UInt8(ascii: "_"), UInt8(ascii: "-")].contains($0)
        }
        guard isPlain, name.utf8.count <= 100, (try? TaskCatalogue.resolve([name])) == nil else {
            throw keys.fault(
                "name", "the task's name cannot be used", found: name,
                expected: "letters, digits, '_' and '-', at most 100, and no built-in task's name")
        }
        let prompt = try keys.template("prompt")
        let choices = try keys.choices()
        let answer = try keys.answer()
        return TaskDefinition(
            name, version: try keys.number("version") ?? 1, metrics: try keys.metrics(),
            preamble: try keys.optionalText("description") ?? "",
            targetDelimiter: try keys.optionalText("target_delimiter") ?? " ",
            files: [try keys.dataFile("data")],
            exampleFiles: keys.has("fewshot_data") ? [try keys.dataFile("fewshot_data")] : []
        ) { (record) throws(Fault) in
            let prompt = try prompt.text(of: record)
            let choices = try choices.texts(of: record)
            return .choices(
                prompt: prompt, choices: choices, gold: try answer.index(of: record, among: choices))
        }
    }

    /// Where the choices come from.
    enum Choices: Equatable, Sendable {
        case templates([PromptTemplate])
        case field([PromptTemplate.Step])

        func texts(of record: TaskRecord) throws(Fault) -> [String] {
            var texts: [String] = []
            switch self {
            case .templates(let templates):
                for template in templates { texts.append(try template.text(of: record)) }
            case .field(let steps):
                let value = try PromptTemplate.value(steps, of: record)
                for item in value.arrayValue ?? [] {
                    guard let text = PromptTemplate.text(item), !text.utf8.contains(0) else {
                        throw record.fault(
                            "a choice in \(PromptTemplate.name(steps)) is not a text", found: item.kindName)
                    }
                    texts.append(text)
                }
                guard texts.count >= 2 else {
                    throw record.fault(
                        "the field \(PromptTemplate.name(steps)) contains no choices", found: value.kindName,
                        expected: "a list of at least 2 texts")
                }
            }
            return texts
        }
    }

    /// Which choice is right.
    enum Answer: Equatable, Sendable {
        case constant(Int)
        case field([PromptTemplate.Step])

        /// A number is the choice's index from 0; a text is the choice itself, or else the index in digits.
        func index(of record: TaskRecord, among choices: [String]) throws(Fault) -> Int {
            let value: JSONValue
            let name: String
            switch self {
            case .constant(let index): (value, name) = (.integer(index), "'answer'")
            case .field(let steps):
                (value, name) = (try PromptTemplate.value(steps, of: record), PromptTemplate.name(steps))
            }
            var index = value.integerValue
            if let text = value.stringValue {
                index = choices.firstIndex { $0.utf8.elementsEqual(text.utf8) } ?? Int(PythonText.stripped(text))
            }
            if case .bool(let isTrue) = value { index = isTrue ? 1 : 0 }
            guard let index, choices.indices.contains(index) else {
                throw record.fault(
                    "\(name) names none of the choices", found: value.kindName,
                    expected: "an index from 0 to \(choices.count - 1), or the text of a choice")
            }
            return index
        }
    }

    /// The keys of a task file, with their places.
    private struct Keys {
        let file: String
        private var nodes: [String: Node] = [:]
        private let folder: String

        init(_ yaml: String, file: String) throws(Fault) {
            self.file = file
            folder = FileSystem.parent(file)
            do throws(Fault) { try YAMLGuard.check(yaml, file: file, noun: "task file") } catch {
                var fault = error
                fault.kind = .badData
                throw fault
            }
            let root: Node?
            do {
                // The encoding is named because the default consults an environment variable.
                root = try Parser(yaml: yaml, encoding: .utf8).singleRoot()
            } catch {
                guard let error = error as? YamlError else {
                    throw Fault(.badData, "the task file is not YAML", file: file)
                }
                var fault = StrictYAML.fault(error, file: file, noun: "task file")
                fault.kind = .badData
                throw fault
            }
            guard case .mapping(let mapping) = root else {
                throw Fault(
                    .badData, "the task file is not a group of keys", file: file,
                    expected: "the keys " + TaskFile.required.joined(separator: ", "))
            }
            let known = TaskFile.required + TaskFile.optional
            for (keyNode, value) in mapping {
                let key = keyNode.scalar?.string ?? ""
                guard known.contains(key) else {
                    throw Fault(
                        .badData, "unknown key '\(key)'", file: file, place: Keys.place(keyNode),
                        expected: "one of " + known.joined(separator: ", "),
                        advice: NearestName.of(key, among: known).map { "did you mean \($0)?" })
                }
                nodes[key] = value
            }
            if let missing = TaskFile.required.first(where: { nodes[$0] == nil }) {
                throw Fault(
                    .badData, "the task file lacks the key '\(missing)'", file: file,
                    expected: TaskFile.required.joined(separator: ", "))
            }
        }

        private static func place(_ node: Node?) -> String? {
            node?.mark.map { "line \($0.line), column \($0.column)" }
        }

        func has(_ key: String) -> Bool { nodes[key] != nil }

        func fault(_ key: String, _ summary: String, found: String? = nil, expected: String? = nil) -> Fault {
            Fault(
                .badData, summary, file: file, place: (Keys.place(nodes[key]) ?? "the file") + " (\(key))",
                found: found, expected: expected)
        }

        func text(_ key: String) throws(Fault) -> String {
            guard let text = nodes[key]?.scalar?.string, !text.isEmpty else {
                throw fault(key, "'\(key)' is not a text", expected: "a non-empty text")
            }
            return text
        }

        func optionalText(_ key: String) throws(Fault) -> String? {
            guard let node = nodes[key] else { return nil }
            guard let text = node.scalar?.string else { throw fault(key, "'\(key)' is not a text") }
            return text
        }

        func number(_ key: String) throws(Fault) -> Double? {
            guard let text = try optionalText(key) else { return nil }
            guard let number = Double(text), number.isFinite else {
                throw fault(key, "'\(key)' is not a number", found: text, expected: "a number")
            }
            return number
        }

        func template(_ key: String) throws(Fault) -> PromptTemplate {
            try template(key, try text(key))
        }

        private func template(_ key: String, _ text: String) throws(Fault) -> PromptTemplate {
            do throws(Fault) { return try PromptTemplate(text) } catch {
                throw fault(key, error.summary, found: error.found, expected: error.expected)
            }
        }

        /// The field that a text names, with or without braces.
        private func field(_ key: String, _ text: String) throws(Fault) -> [PromptTemplate.Step] {
            do throws(Fault) {
                guard text.contains("{") else { return try PromptTemplate.path(text) }
                let template = try PromptTemplate(text)
                if template.pieces.count == 1, case .field(let steps) = template.pieces[0] { return steps }
            } catch { throw fault(key, error.summary, found: error.found, expected: error.expected) }
            throw fault(key, "'\(key)' is not one field", found: text, expected: "the name of a field")
        }

        func choices() throws(Fault) -> Choices {
            guard case .sequence(let items) = nodes["choices"] else {
                return .field(try field("choices", try text("choices")))
            }
            var templates: [PromptTemplate] = []
            for item in items {
                guard let text = item.scalar?.string else {
                    throw fault("choices", "a choice is not a text", expected: "texts, or the name of a field")
                }
                templates.append(try template("choices", text))
            }
            guard templates.count >= 2 else {
                throw fault("choices", "there are too few choices", found: "\(templates.count)", expected: "at least 2")
            }
            return .templates(templates)
        }

        func answer() throws(Fault) -> Answer {
            let text = try text("answer")
            if nodes["answer"]?.scalar?.style == .plain, let index = Int(text) { return .constant(index) }
            return .field(try field("answer", text))
        }

        func metrics() throws(Fault) -> [TaskMetric] {
            guard let node = nodes["metrics"] else { return [.accuracy, .normalizedAccuracy] }
            guard case .sequence(let items) = node, !items.isEmpty else {
                throw fault("metrics", "'metrics' is not a list", expected: "[acc, acc_norm]")
            }
            var metrics: [TaskMetric] = []
            for item in items {
                guard let metric = TaskMetric(rawValue: item.scalar?.string ?? ""), metric.higherIsBetter,
                    !metrics.contains(metric)
                else {
                    throw fault(
                        "metrics", "a metric cannot be used", found: item.scalar?.string,
                        expected: "acc and acc_norm, each once")
                }
                metrics.append(metric)
            }
            return metrics
        }

        func dataFile(_ key: String) throws(Fault) -> TaskDefinition.DataFile {
            let path = try text(key)
            let format: RecordFile.Format
            switch path.split(separator: ".").last?.lowercased() {
            case "jsonl": format = .jsonLines
            case "csv": format = .commaSeparated(nil)
            case "tsv": format = .tabSeparated
            default:
                throw fault(
                    key, "the form of the data is not known", found: path, expected: "a .jsonl, .csv or .tsv file")
            }
            let full = path.utf8.first == UInt8(ascii: "/") ? path : FileSystem.joined(folder, path)
            guard FilePresence.isThere(full) else {
                throw Fault(
                    .missingInput, "the data file of a task does not exist", file: full,
                    expected: "the file that '\(key)' names in \(file), beside it")
            }
            return .init(full, format, isResolved: true)
        }
    }
}
