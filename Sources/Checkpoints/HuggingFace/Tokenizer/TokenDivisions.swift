import Faults

/// The divisions of tokens into two, of which merges are made where a file has none.
///
/// A token is cut at every place and both parts are looked up, which takes the square of its length. So the lengths are
/// bounded before.
struct TokenDivisions {
    /// Longer tokens are refused, in bytes. SentencePiece makes none above 16 characters unless asked to; runs of
    /// blanks in published vocabularies have some hundred bytes.
    static let longestToken = 1024
    /// The squares of the lengths of all tokens together; published vocabularies have under 50 million.
    static let mostWork = 1 << 28

    /// - Throws: `Fault` of kind `badData` for tokens that take too long to cut.
    static func check(_ tokens: some Sequence<String>, file: String, place: String) throws(Fault) {
        var work = 0
        for (id, token) in tokens.enumerated() {
            let length = token.utf8.count
            guard length <= longestToken else {
                throw Fault(
                    .badData, "a token of the tokenizer is too long", file: file, place: "\(place), id \(id)",
                    found: "\(length) bytes", expected: "at most \(longestToken)")
            }
            work += length * length
            guard work <= mostWork else {
                throw Fault(
                    .badData, "the tokens of the tokenizer are too long together", file: file,
                    place: "\(place), id \(id)", found: "squared lengths above \(mostWork)",
                    expected: "at most \(mostWork)")
            }
        }
    }

    /// Calls with both parts of every division, the shortest left part first.
    static func forEach(of token: String, _ body: (String, String) -> Void) {
        let scalars = token.unicodeScalars
        for index in scalars.indices.dropFirst() { body(String(scalars[..<index]), String(scalars[index...])) }
    }
}
