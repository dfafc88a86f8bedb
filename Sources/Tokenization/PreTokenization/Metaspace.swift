import Faults

/// SentencePiece's writing of blanks as a visible character, as pre-tokenizer and as decoder.
struct Metaspace: Sendable {
    /// Where a replacement is put before a piece that does not start with one.
    enum Prefix: String, Sendable {
        case always
        /// Only at the start of the whole text.
        case first
        case never
    }

    let replacement: [UInt8]
    let prefix: Prefix
    /// Whether every replacement starts a new piece.
    let splits: Bool

    init(_ component: Component) throws(Fault) {
        replacement = Array(String(try component.scalar("replacement", default: "▁")).utf8)
        let name = try component.string("prepend_scheme", default: "always")
        guard let prefix = Prefix(rawValue: name) else {
            throw component.wrong("prepend_scheme", expected: "always, first or never")
        }
        // Files older than `prepend_scheme` have `add_prefix_space` alone.
        if try !component.bool("add_prefix_space", default: true) {
            guard component.optional("prepend_scheme") == nil || prefix == .never else {
                throw component.wrong("prepend_scheme", expected: "never, as add_prefix_space is false")
            }
            self.prefix = .never
        } else {
            self.prefix = prefix
        }
        splits = try component.bool("split", default: true)
    }

    /// The text with blanks replaced and the prefix put.
    func written(_ piece: Piece) -> (bytes: [UInt8], lead: Int) {
        let text = piece.text
        let blank = [UInt8(ascii: " ")]
        var lead = piece.lead
        if lead > 0 { lead = text.part(0..<lead).replacingOccurrences(of: blank, with: replacement).count }
        let wantsPrefix = prefix == .always || (prefix == .first && piece.isStart)
        let startsMarked = text.first == blank[0] || text.has(replacement, at: 0)
        guard wantsPrefix, !startsMarked else {
            return (text.replacingOccurrences(of: blank, with: replacement), lead)
        }
        let written = text.replacingOccurrences(of: blank, with: replacement, after: replacement)
        return (written, piece.isStart ? lead + replacement.count : lead)
    }
}
