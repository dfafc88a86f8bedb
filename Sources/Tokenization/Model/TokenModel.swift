/// What makes tokens of a word.
enum TokenModel: Sendable {
    case bpe(BPEModel)
    case unigram(UnigramModel)

    var vocabulary: Vocabulary {
        switch self {
        case .bpe(let model): model.vocabulary
        case .unigram(let model): model.vocabulary
        }
    }

    /// See `BPEModel.boundary`.
    var boundary: [UInt8]? {
        switch self {
        case .bpe(let model): model.boundary
        case .unigram: nil
        }
    }

    /// Appends the ids of one word.
    @inline(__always)
    func encode(_ word: UTF8Text, merger: inout WordMerger, to output: inout [Int32]) {
        switch self {
        case .bpe(let model): model.encode(word, merger: &merger, to: &output)
        case .unigram(let model): model.encode(word, to: &output)
        }
    }
}
