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

    /// Stands for what is not in the vocabulary.
    var unknown: Int32? {
        switch self {
        case .bpe(let model): model.unknown
        case .unigram(let model): model.unknown
        }
    }

    /// The bytes of a text that a token of it stands for.
    func spelling(of id: Int32) -> [UInt8] {
        guard let token = vocabulary.token(of: id) else { return [] }
        let fallback: [Int32]?
        switch self {
        case .bpe(let model):
            if case .bytes(let alphabet) = model.alphabet {
                return token.withUnsafeBufferPointer { alphabet.decoded($0) }
            }
            fallback = model.fallback
        case .unigram(let model): fallback = model.fallback
        }
        // `<0x0A>` has six bytes.
        guard let fallback, token.count == 6, let byte = fallback.firstIndex(of: id) else { return token }
        return [UInt8(byte)]
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
