import Faults
import JSONText

/// A token that is cut out of the text before the model sees it.
struct AddedToken: Sendable {
    let id: Int32
    let content: String
    /// Matches only where no word character stands beside it.
    let singleWord: Bool
    /// Takes the white space on its left with it.
    let stripsLeft: Bool
    /// Takes the white space on its right with it.
    let stripsRight: Bool
    /// Is matched, itself normalised, in the normalised text.
    let normalized: Bool
    /// Left out of decoded text on request.
    let special: Bool

    init(_ component: Component) throws(Fault) {
        id = Int32(try component.integer("id", in: 0...Int(Int32.max)))
        content = try component.string("content")
        guard !content.isEmpty, content.utf8.count <= AddedToken.longest else {
            throw component.wrong("content", expected: "1 to \(AddedToken.longest) bytes")
        }
        singleWord = try component.bool("single_word", default: false)
        stripsLeft = try component.bool("lstrip", default: false)
        stripsRight = try component.bool("rstrip", default: false)
        special = try component.bool("special", default: false)
        normalized = try component.bool("normalized", default: !special)
    }

    /// Published ones have a few dozen bytes.
    private static let longest = 4096

    /// All added tokens together, in bytes, normalised where they are looked for so. The largest published lists have
    /// under a million.
    static let mostBytes = 8 << 20
}
