/// Fields separated by commas as RFC 4180 has them and Python's `csv` reads them: a field that begins with quotes ends
/// at the next lone quotes, may hold commas and line ends, and doubles quotes within.
struct CommaSeparated {
    struct Row: Equatable {
        /// The line that it begins on, from 1.
        var line: Int
        var fields: [String]
    }

    private var fields: [String] = []
    private var field: [UInt8] = []
    private var isQuoted = false
    /// The line that the open row began on.
    private(set) var openLine: Int?

    /// Takes a line without its end; a row, when the line ends one.
    mutating func add(_ line: [UInt8], number: Int) -> Row? {
        if openLine == nil {
            guard !line.isEmpty else { return nil }
            openLine = number
        } else {
            field.append(10)
        }
        let (quote, comma) = (UInt8(ascii: "\""), UInt8(ascii: ","))
        var isStart = !isQuoted
        var at = 0
        while at < line.count {
            let byte = line[at]
            at += 1
            if isQuoted {
                if byte != quote {
                    field.append(byte)
                } else if at < line.count, line[at] == quote {
                    field.append(quote)
                    at += 1
                } else {
                    isQuoted = false
                }
            } else if byte == comma {
                close()
                isStart = true
                continue
            } else if byte == quote, isStart {
                isQuoted = true
            } else {
                field.append(byte)
            }
            isStart = false
        }
        guard !isQuoted, let start = openLine else { return nil }
        close()
        defer {
            fields = []
            openLine = nil
        }
        return Row(line: start, fields: fields)
    }

    private mutating func close() {
        fields.append(String(decoding: field, as: UTF8.self))
        field = []
    }

    /// A field that stands in quotes without them, its doubled quotes single; any other as it is.
    static func unquoted(_ field: String) -> String {
        let bytes = Array(field.utf8)
        guard bytes.count >= 2, bytes.first == UInt8(ascii: "\""), bytes.last == UInt8(ascii: "\"") else {
            return field
        }
        return PythonText.replacing(
            "\"\"", with: "\"", in: String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self))
    }
}
