import Faults
import JSONText

/// A text with fields of a record in it: `Question: {{question}}`, `{{choices[0]}}`, `{{question.stem}}`.
struct PromptTemplate: Equatable, Sendable {
    enum Step: Equatable, Sendable {
        case key(String)
        case index(Int)
    }

    enum Piece: Equatable, Sendable {
        case text(String)
        case field([Step])
    }

    let pieces: [Piece]

    /// - Throws: `badData` for braces that do not close and for anything but a field between them.
    init(_ template: String) throws(Fault) {
        for mark in ["{%", "{#"] where template.contains(mark) {
            throw Fault(
                .badData, "a template contains something that is not supported",
                found: "\(mark) in \"\(template.prefix(80))\"",
                expected: "text and {{field}}", advice: "prepare the text in the data file")
        }
        var pieces: [Piece] = []
        var rest = template[...]
        while let open = rest.firstRange(of: "{{") {
            let inner = rest[open.upperBound...]
            guard let close = inner.firstRange(of: "}}") else {
                throw Fault(
                    .badData, "a field of a template is not closed", found: String(rest[open.lowerBound...].prefix(80)),
                    expected: "{{field}}")
            }
            if open.lowerBound > rest.startIndex { pieces.append(.text(String(rest[..<open.lowerBound]))) }
            pieces.append(.field(try PromptTemplate.path(String(inner[..<close.lowerBound]))))
            rest = inner[close.upperBound...]
        }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
        self.pieces = pieces
    }

    /// The steps of `a.b[0]`.
    static func path(_ text: String) throws(Fault) -> [Step] {
        let text = PythonText.stripped(text)
        var steps: [Step] = []
        for part in text.split(separator: ".", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "[", omittingEmptySubsequences: false)
            let name = pieces[0]
            let isName = !name.isEmpty && name.unicodeScalars.allSatisfy { $0 == "_" || $0 == "-" || isLetter($0) }
            var indices: [Step] = []
            for piece in pieces.dropFirst() {
                guard piece.hasSuffix("]"), let index = Int(piece.dropLast()), (0..<1_000_000).contains(index) else {
                    throw unsupported(text)
                }
                indices.append(.index(index))
            }
            guard isName else { throw unsupported(text) }
            steps += [.key(String(name))] + indices
        }
        return steps
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar.properties.numericType != nil
    }

    private static func unsupported(_ text: String) -> Fault {
        Fault(
            .badData, "a template refers to something that is not a field", found: "{{\(text.prefix(80))}}",
            expected: "{{field}}, {{field.key}} or {{field[0]}}", advice: "prepare the text in the data file")
    }

    /// The value that steps lead to.
    ///
    /// - Throws: `badData` with the record's place where there is none.
    static func value(_ steps: [Step], of record: TaskRecord) throws(Fault) -> JSONValue {
        var value = JSONValue.object(record.object)
        for (count, step) in steps.enumerated() {
            var next: JSONValue?
            switch step {
            case .key(let key): next = value.objectValue?[key]
            case .index(let index):
                if let items = value.arrayValue, index < items.count { next = items[index] }
            }
            guard let next else {
                let keys = value.objectValue.map { "the keys " + $0.keys.prefix(8).joined(separator: ", ") }
                throw record.fault(
                    "the record lacks the field \(name(Array(steps[...count])))", found: keys ?? value.kindName)
            }
            value = next
        }
        return value
    }

    static func name(_ steps: [Step]) -> String {
        var text = ""
        for step in steps {
            switch step {
            case .key(let key): text += (text.isEmpty ? "" : ".") + key
            case .index(let index): text += "[\(index)]"
            }
        }
        return "'\(text)'"
    }

    /// The text for a record: numbers as Python writes them.
    func text(of record: TaskRecord) throws(Fault) -> String {
        var result = ""
        for piece in pieces {
            switch piece {
            case .text(let text): result += text
            case .field(let steps):
                let value = try PromptTemplate.value(steps, of: record)
                guard let text = PromptTemplate.text(value) else {
                    throw record.fault(
                        "the field \(PromptTemplate.name(steps)) cannot be used in a text", found: value.kindName,
                        expected: "a text, a number or a boolean")
                }
                result += text
            }
        }
        guard !result.utf8.contains(0) else {
            throw record.fault(
                "a text contains a NUL character", found: "\\u0000", expected: "text without NUL")
        }
        return result
    }

    static func text(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .bool(let isTrue): isTrue ? "True" : "False"
        case .number(let text): Int(text) == nil ? value.doubleValue.map { "\($0)" } : text
        case .null, .array, .object: nil
        }
    }
}
