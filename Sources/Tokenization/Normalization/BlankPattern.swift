/// The regular expressions by which published normalizers rewrite blanks, recognised by their exact text.
enum BlankPattern: String, Sendable {
    /// Blanks at either end.
    case ends = #"\A +| +\z"#
    case runs = " {2,}"
    /// The mark that stands for a blank, where the text starts with it.
    case leadingMark = "\\A\u{2581}"

    func matches(in text: UTF8Text) -> [Range<Int>] {
        let blank = UInt8(ascii: " ")
        switch self {
        case .ends:
            let start = text.firstIndex { $0 != blank } ?? text.count
            let end = (text.lastIndex { $0 != blank } ?? text.count - 1) + 1
            return [0..<start, end..<text.count].filter { !$0.isEmpty }
        case .runs:
            var runs: [Range<Int>] = []
            var at = 0
            while at < text.count {
                let start = at
                while at < text.count, text[at] == blank { at += 1 }
                if at - start > 1 { runs.append(start..<at) }
                if at == start { at += 1 }
            }
            return runs
        case .leadingMark:
            let mark = Array("\u{2581}".utf8)
            return text.has(mark, at: 0) ? [0..<mark.count] : []
        }
    }
}
