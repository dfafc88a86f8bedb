import Faults
import JSONText

/// The `model` part of a `tokenizer.json` of type Unigram, checked.
struct UnigramFile {
    /// Tokens and their ids, which are their places.
    let vocabulary: [(token: String, id: Int32)]
    private let scores: [Double]
    private let component: Component

    /// Longer tokens are refused: they bound the work per place of the text. The longest published ones have under 200.
    private static let longestToken = 1024

    /// - Parameter pieces: the vocabulary where the component holds it as text.
    init(_ component: Component, pieces: JSONTextList? = nil) throws(Fault) {
        self.component = component
        var vocabulary: [(token: String, id: Int32)] = []
        var scores: [Double] = []
        let list = try ModelList(pieces, or: component, "vocab")
        try list.forEach { (id, item) throws(Fault) in
            guard let pair = item.arrayValue, pair.count == 2, let token = pair[0].stringValue,
                let score = pair[1].doubleValue, score.isFinite, token.utf8.count <= UnigramFile.longestToken
            else {
                throw Fault(
                    .badData, "a token of the tokenizer is not a text with a score", place: "model.vocab[\(id)]",
                    found: item.kindName,
                    expected: "[text of at most \(UnigramFile.longestToken) bytes, finite number]")
            }
            vocabulary.append((token, Int32(id)))
            scores.append(score)
        }
        guard !vocabulary.isEmpty else { throw component.wrong("vocab", expected: "at least one token") }
        self.vocabulary = vocabulary
        self.scores = scores
    }

    func model(_ vocabulary: Vocabulary) throws(Fault) -> UnigramModel {
        var unknown: Int32?
        if component.optional("unk_id") != nil {
            unknown = Int32(try component.integer("unk_id", in: 0...scores.count - 1))
        }
        let fallsBack = try component.bool("byte_fallback", default: false)
        return UnigramModel(
            vocabulary: vocabulary, scores: scores, unknown: unknown,
            fallback: fallsBack ? vocabulary.byteTokens() : nil)
    }
}
