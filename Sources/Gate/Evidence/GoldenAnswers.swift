import Faults
import JSONText
import Settings

/// Prompts whose answers must hold, with the answers that a model gave.
///
/// `{"version": 1, "prompts": [{"name": …, "prompt": …, "expected": …, "match": …, "answer": …}]}`; name and match may
/// be left out.
public struct GoldenAnswers: Sendable {
    /// How an answer is compared with what was expected.
    public enum Match: String, OptionWord {
        /// The same text but for white space around it.
        case exact
        /// The expected text stands in the answer.
        case contains
        /// The expected text is a regular expression that matches somewhere in the answer.
        case regex

        public static let noun = "way to compare answers"
    }

    struct Prompt: Sendable {
        var name: String
        var question: String
        var expected: String
        var match: Match?
        /// nil where the file has none.
        var answer: String?
    }

    public let file: String
    private(set) var prompts: [Prompt] = []
    /// The file's own document, which keeps what this program does not know.
    private let document: JSONObject

    /// - Throws: `badData` for what is not of the form above, and for invalid expressions.
    public init(parsing bytes: [UInt8], file: String) throws(Fault) {
        self.file = file
        let root = try ResultsFile.object(bytes, file: file)
        document = root
        if let version = root["version"], version.integerValue != 1 {
            throw Fault(
                .badData, "unknown version of golden prompts", file: file, place: "version", found: version.kindName,
                expected: "1")
        }
        guard let items = root["prompts"]?.arrayValue else {
            throw Fault(
                .badData, "the file has no golden prompts", file: file, place: "prompts",
                found: root["prompts"]?.kindName ?? "nothing", expected: "a list")
        }
        for (index, item) in items.enumerated() {
            do throws(Fault) {
                prompts.append(try GoldenAnswers.prompt(item, number: index + 1))
            } catch {
                var fault = error.inFile(file)
                fault.place = fault.place ?? "prompts[\(index)]"
                throw fault
            }
        }
    }

    /// What a model is asked, in the order of the file.
    public var questions: [String] { prompts.map(\.question) }

    /// Notes the answer to a question; an earlier one is replaced.
    public mutating func answer(_ index: Int, _ text: String) { prompts[index].answer = text }

    /// A prompt whose answer is not what was expected.
    public struct Broken: Equatable, Sendable {
        /// Its place in the file, from 0.
        public var index: Int
        public var name: String
        var answer: String
        var expected: String
    }

    /// The prompts whose answers do not hold; one without an answer does not.
    ///
    /// - Parameter match: how answers are compared where a prompt does not say it.
    /// - Throws: `badData` when an expected text cannot serve.
    public func broken(usual match: Match) throws(Fault) -> [Broken] {
        var broken: [Broken] = []
        for (index, prompt) in prompts.enumerated() {
            let answer = prompt.answer ?? ""
            do throws(Fault) {
                guard try !(prompt.match ?? match).holds(answer: answer, expected: prompt.expected) else { continue }
            } catch {
                var fault = error.inFile(file)
                fault.place = "prompts[\(index)].expected"
                throw fault
            }
            broken.append(.init(index: index, name: prompt.name, answer: answer, expected: prompt.expected))
        }
        return broken
    }

    /// What is asked and expected, in a form whose digest tells these prompts from others.
    ///
    /// - Parameter match: as for `broken`.
    public func identity(usual match: Match) -> JSONValue {
        .array(
            prompts.map { prompt in
                .array([
                    .string(prompt.question), .string(prompt.expected), .string((prompt.match ?? match).rawValue),
                ])
            })
    }

    /// The file with the answers; what this program does not know in it stays.
    public var json: JSONValue {
        var document = document
        document["prompts"] = .array(
            zip(document["prompts"]?.arrayValue ?? [], prompts).map { item, prompt in
                guard var item = item.objectValue, let answer = prompt.answer else { return item }
                item["answer"] = .string(answer)
                return .object(item)
            })
        return .object(document)
    }

    private static func prompt(_ item: JSONValue, number: Int) throws(Fault) -> Prompt {
        guard let object = item.objectValue else {
            throw Fault(.badData, "a golden prompt is not an object", found: item.kindName, expected: "{…}")
        }
        guard let text = object["prompt"]?.stringValue, let expected = object["expected"]?.stringValue else {
            throw Fault(
                .badData, "a golden prompt is incomplete", found: LegibleText.of(object.keys.joined(separator: ", ")),
                expected: "the texts 'prompt' and 'expected'")
        }
        var match: Match?
        if let value = object["match"] {
            guard let known = value.stringValue.flatMap(Match.init(rawValue:)) else {
                throw Fault(
                    .badData, "a golden prompt has an unknown way to compare answers", found: value.kindName,
                    expected: Match.allCases.map(\.rawValue).joined(separator: ", "))
            }
            match = known
        }
        return Prompt(
            name: LegibleText.of(object["name"]?.stringValue ?? text, limit: 60), question: text, expected: expected,
            match: match, answer: object["answer"]?.stringValue)
    }
}

extension GoldenAnswers.Match {
    /// - Throws: `badData` when the expected text cannot serve.
    func holds(answer: String, expected: String) throws(Fault) -> Bool {
        switch self {
        case .exact: return trimmed(answer).elementsEqual(trimmed(expected))
        case .contains:
            guard !expected.isEmpty else {
                throw Fault(.badData, "every answer contains the empty text", expected: "a text to look for")
            }
            return answer.contains(expected)
        case .regex:
            do throws(TextExpression.Refusal) {
                let expression = try TextExpression(expected)
                guard try !expression.matches(in: "") else {
                    throw TextExpression.Refusal(reason: "it matches every answer, even an empty one")
                }
                return try expression.matches(in: answer)
            } catch {
                throw Fault(
                    .badData, "the expected text is not a usable regular expression: \(error.reason)",
                    place: error.place, found: expected,
                    expected: "a regular expression that an empty answer does not match")
            }
        }
    }

    private func trimmed(_ text: String) -> [Unicode.Scalar] {
        let scalars = Array(text.unicodeScalars)
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return [] }
        return Array(scalars[first...last])
    }
}
