import Faults

/// Refuses, before any parser sees them, the parts of YAML that a file of settings has no use for.
///
/// Aliases let a small file stand for an enormous one, and the parser follows them while it looks for duplicate keys;
/// tabs, tags and block texts make a file mean something else than it seems to. With all quoted texts on one line and
/// no block texts, where a token begins can be told from the line alone, so this scan needs no grammar.
public struct YAMLGuard {
    private let bytes: [UInt8]
    private let file: String?
    /// What the text is, for messages: "recipe".
    private let noun: String
    private var at = 0
    private var lineStart = 0
    private var line = 1
    private var flowDepth = 0
    /// How often '-' or '?' opened a level on this line.
    private var levelsOnLine = 0
    /// Every level costs the parser a part of its stack, and no file of settings comes near these.
    private static let (deepest, widestIndent) = (64, 128)
    /// Whether the next byte that is no space begins a token.
    private var beginsToken = true
    /// Whether the bytes before belong to an unquoted text, in which '#' without a space before it is no comment.
    private var isInPlain = false
    /// Whether the last token closed a list or group, which may not be a key.
    private var closedCollection = false

    /// - Throws: `badRecipe` with line and column.
    public static func check(_ yaml: String, file: String?, noun: String) throws(Fault) {
        var scan = YAMLGuard(bytes: Array(yaml.utf8), file: file, noun: noun)
        try scan.run()
    }

    private init(bytes: [UInt8], file: String?, noun: String) {
        self.bytes = bytes
        self.file = file
        self.noun = noun
    }

    private mutating func run() throws(Fault) {
        while at < bytes.count {
            let byte = bytes[at]
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"): newLine()
            case UInt8(ascii: " "): at += 1
            case UInt8(ascii: "\t"): throw fault("the \(noun) contains a tab", "indent and separate with spaces")
            case UInt8(ascii: "#") where !isInPlain || bytes[at - 1] == UInt8(ascii: " "): try skipComment()
            default: try token(byte)
            }
        }
    }

    private mutating func token(_ byte: UInt8) throws(Fault) {
        try refuseForeignBytes()
        if !isInPlain, beginsToken, levelsOnLine == 0, flowDepth == 0, isLineIndented(beyond: YAMLGuard.widestIndent) {
            try checkDepth(.max)
        }
        let isFlow = flowDepth > 0
        let wasInPlain = isInPlain
        isInPlain = false
        let followsCollection = closedCollection
        closedCollection = false
        switch byte {
        case UInt8(ascii: "\"") where beginsToken, UInt8(ascii: "'") where beginsToken:
            try skipQuoted(byte)
            beginsToken = false
        case UInt8(ascii: "&") where beginsToken, UInt8(ascii: "*") where beginsToken:
            throw fault(
                byte == UInt8(ascii: "&") ? "the \(noun) contains an anchor" : "the \(noun) contains an alias",
                "write the value out, or put it in quotes if it begins with & or *")
        case UInt8(ascii: "!") where beginsToken:
            throw fault("the \(noun) contains a tag", "put the value in quotes if it begins with !")
        case UInt8(ascii: "|") where beginsToken, UInt8(ascii: ">") where beginsToken:
            throw fault("the \(noun) contains a block text", "write the text on one line, in quotes")
        case UInt8(ascii: "[") where beginsToken || isFlow, UInt8(ascii: "{") where beginsToken || isFlow:
            flowDepth += 1
            try checkDepth(flowDepth)
            beginsToken = true
            at += 1
        case UInt8(ascii: "]") where isFlow, UInt8(ascii: "}") where isFlow:
            flowDepth -= 1
            beginsToken = false
            closedCollection = true
            at += 1
        case UInt8(ascii: ",") where isFlow:
            beginsToken = true
            at += 1
        case UInt8(ascii: ":") where followsCollection && (isFlow || isSpace(at + 1)):
            throw complexKey
        case UInt8(ascii: ":") where isFlow || isSpace(at + 1):
            beginsToken = true
            isInPlain = wasInPlain
            at += 1
        case UInt8(ascii: "?") where beginsToken && isSpace(at + 1): throw complexKey
        case UInt8(ascii: "-") where beginsToken && isSpace(at + 1):
            levelsOnLine += 1
            try checkDepth(levelsOnLine)
            at += 1
        case UInt8(ascii: "-") where at == lineStart && bytes[at...].starts(with: Array("---".utf8)) && isSpace(at + 3):
            at += 3
        default:
            beginsToken = false
            isInPlain = true
            at += 1
        }
    }

    private func checkDepth(_ depth: Int) throws(Fault) {
        guard depth > YAMLGuard.deepest else { return }
        throw fault("the \(noun) nests too deep", "write it with at most \(YAMLGuard.deepest) levels")
    }

    private func isLineIndented(beyond columns: Int) -> Bool {
        at - lineStart > columns && bytes[lineStart...(lineStart + columns)].allSatisfy { $0 == UInt8(ascii: " ") }
    }

    private mutating func skipQuoted(_ quote: UInt8) throws(Fault) {
        let start = at
        at += 1
        while at < bytes.count, bytes[at] != UInt8(ascii: "\n"), bytes[at] != UInt8(ascii: "\r") {
            try refuseForeignBytes()
            if bytes[at] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\""), at + 1 < bytes.count,
                bytes[at + 1] != UInt8(ascii: "\n"), bytes[at + 1] != UInt8(ascii: "\r")
            {
                at += 2
            } else if bytes[at] == quote {
                at += 1
                // '' is a quote within single quotes.
                guard quote == UInt8(ascii: "'"), at < bytes.count, bytes[at] == quote else { return }
                at += 1
            } else {
                at += 1
            }
        }
        at = start
        throw fault("a quoted text does not end on its line", "close the quotes on the same line")
    }

    private mutating func skipComment() throws(Fault) {
        while at < bytes.count, bytes[at] != UInt8(ascii: "\n"), bytes[at] != UInt8(ascii: "\r") {
            try refuseForeignBytes()
            at += 1
        }
    }

    private mutating func newLine() {
        let isPair = bytes[at] == UInt8(ascii: "\r") && at + 1 < bytes.count && bytes[at + 1] == UInt8(ascii: "\n")
        at += isPair ? 2 : 1
        line += 1
        lineStart = at
        levelsOnLine = 0
        beginsToken = true
        isInPlain = false
    }

    /// U+0085, U+2028 and U+2029 end a line in YAML but not in an editor; NUL ends the text for some readers.
    private func refuseForeignBytes() throws(Fault) {
        let rest = bytes[at..<min(at + 3, bytes.count)]
        let isBreak =
            rest.starts(with: [0xC2, 0x85]) || rest.starts(with: [0xE2, 0x80, 0xA8])
            || rest.starts(with: [0xE2, 0x80, 0xA9])
        guard !isBreak, bytes[at] != 0 else {
            throw fault("the \(noun) contains an invisible control character", "delete it")
        }
    }

    private func isSpace(_ position: Int) -> Bool {
        guard position < bytes.count else { return true }
        return [UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t")].contains(bytes[position])
    }

    /// The parser compares keys with each other, and for nested ones that takes time exponential in their depth.
    private var complexKey: Fault {
        fault("a list or group is used as a key in the \(noun)", "write a name as the key")
    }

    private func fault(_ summary: String, _ advice: String) -> Fault {
        let column = bytes[lineStart..<at].reduce(1) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
        return Fault(.badRecipe, summary, file: file, place: "line \(line), column \(column)", advice: advice)
    }
}
