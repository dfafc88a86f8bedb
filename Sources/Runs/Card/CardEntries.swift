import Faults
import Settings

/// The lines of a card's head that hold a few keys of its outermost level, fit for a YAML parser.
///
/// A card is written by anybody and read for nothing but these keys. The rest, which may be long texts in quotes or
/// blocks, never reaches the parser, so that what stands there need not be judged.
struct CardEntries {
    /// The entries that can be read without harm.
    private(set) var yaml = ""
    /// Keys that are there but not read, each with the reason.
    private(set) var refused: [(key: String, reason: String)] = []

    init(_ head: String, keys: [String]) {
        // A GGUF file's card is its metadata as JSON, which is YAML, too.
        guard !head.hasPrefix("{") else {
            add(("the metadata", [Substring(head)]))
            return
        }
        var entry: (key: String, lines: [Substring])?
        for line in head.split(separator: "\n", omittingEmptySubsequences: false) {
            guard !CardEntries.continues(line) else {
                entry?.lines.append(line)
                continue
            }
            add(entry)
            entry = CardEntries.key(of: line, among: keys).map { ($0, [line]) }
        }
        add(entry)
    }

    private mutating func add(_ entry: (key: String, lines: [Substring])?) {
        guard let entry else { return }
        let text = entry.lines.joined(separator: "\n")
        do throws(Fault) {
            // All lines after a block text's first are text, whatever they hold.
            if !CardEntries.isBlockText(entry.lines) {
                try YAMLGuard.check(text, file: nil, noun: "entry")
            }
            yaml += text + "\n"
        } catch {
            refused.append((entry.key, error.summary))
        }
    }

    /// Whether a line continues the line before.
    private static func continues(_ line: Substring) -> Bool {
        guard let first = line.utf8.first else { return true }
        return [" ", "\t", "\r", "#", "]", "}", ","].contains { $0.utf8.first == first } || line == "-"
            || line.hasPrefix("- ")
    }

    private static func key(of line: Substring, among keys: [String]) -> String? {
        keys.first { key in
            [key, "\"\(key)\"", "'\(key)'"].contains { spelling in
                guard line.hasPrefix(spelling) else { return false }
                let rest = line.dropFirst(spelling.count).drop { $0 == " " }
                return rest == ":" || rest.hasPrefix(": ")
            }
        }
    }

    /// Whether an entry is "key: |" with lines that are indented.
    private static func isBlockText(_ lines: [Substring]) -> Bool {
        guard let first = lines.first, let colon = first.firstIndex(of: ":") else { return false }
        let header = first[first.index(after: colon)...].drop { $0 == " " }
        guard let mark = header.first, mark == "|" || mark == ">", header.utf8.count <= 4 else { return false }
        return header.dropFirst().allSatisfy { $0 == "-" || $0 == "+" || ("1"..."9").contains($0) || $0 == " " }
            && lines.dropFirst().allSatisfy { $0.isEmpty || $0.utf8.first == UInt8(ascii: " ") }
    }
}
