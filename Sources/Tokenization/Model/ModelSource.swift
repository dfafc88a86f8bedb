import Faults
import JSONText

/// The `model` part of `tokenizer.json`, of either type.
enum ModelSource {
    case bpe(ModelFile)
    case unigram(UnigramFile)

    init(
        _ json: JSONValue, merges: JSONTextList?, pieces: JSONTextList?, tables: ModelTables? = nil
    ) throws(Fault) {
        if let tables {
            self = .bpe(try ModelFile(json, tables: tables))
        } else if json.objectValue?["type"]?.stringValue == "Unigram" {
            self = .unigram(try UnigramFile(Component(json, place: "model"), pieces: pieces))
        } else {
            self = .bpe(try ModelFile(json, merges: merges, pieces: pieces))
        }
    }

    var vocabulary: [(token: String, id: Int32)] {
        switch self {
        case .bpe(let file): file.vocabulary
        case .unigram(let file): file.vocabulary
        }
    }

    /// The model over all ids of the tokenizer.
    ///
    /// - Parameter byteLevel: whether pre-tokenization ends in bytes.
    func model(_ vocabulary: Vocabulary, byteLevel: Bool) throws(Fault) -> TokenModel {
        switch self {
        case .bpe(let file): return .bpe(try file.model(vocabulary, byteLevel: byteLevel))
        case .unigram(let file):
            guard !byteLevel else {
                throw Fault(
                    .badData, "the tokenizer uses a feature that is not supported", place: "model",
                    found: "a Unigram model after ByteLevel", expected: "a BPE model")
            }
            return .unigram(try file.model(vocabulary))
        }
    }
}
