import Faults
import JSONText

/// A byte-level tokenizer of `vocab.json` and `merges.txt`, with the steps of its class.
enum MergesTokenizer {
    static func parts(
        vocabulary: JSONObject, merges: [UInt8], class tokenizerClass: TokenizerClass, settings: JSONObject
    ) throws(Fault) -> TokenizerParts {
        let prefix = settings["add_prefix_space"]?.boolValue ?? false
        var parts = TokenizerParts(
            model: TokenizerJSON.bpe(
                vocabulary: vocabulary, merges: try MergesTokenizer.merges(merges), unknown: nil, fusesUnknown: false,
                byteFallback: false))
        parts.decoder = TokenizerJSON.byteLevel(prefixSpace: true, regex: true)
        let whole = TokenizerJSON.byteLevel(prefixSpace: prefix, regex: true)
        switch tokenizerClass {
        case .gpt2: parts.preTokenizer = whole
        case .gptNeoX:
            parts.normalizer = TokenizerJSON.composition
            parts.preTokenizer = whole
        case .qwen2:
            parts.normalizer = TokenizerJSON.composition
            parts.preTokenizer = TokenizerJSON.preTokenizers([
                TokenizerJSON.split(TokenizerPattern.tiktoken(digits: #"\p{N}"#)),
                TokenizerJSON.byteLevel(prefixSpace: prefix, regex: false),
            ])
        case .llama, .general, .other:
            throw Fault(
                .badData, "no file says how vocab.json and merges.txt split text", file: "tokenizer_config.json",
                place: "key 'tokenizer_class'", found: tokenizerClass.name,
                expected: "GPT2Tokenizer, GPTNeoXTokenizer or Qwen2Tokenizer",
                advice: "add the tokenizer.json of the model that this one was made from, or name the class")
        }
        return parts
    }

    /// Lines of two tokens with a blank between, after a line of the version.
    private static func merges(_ bytes: [UInt8]) throws(Fault) -> [JSONValue] {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Fault(.badData, "the merges are not UTF-8", file: "merges.txt")
        }
        var merges: [JSONValue] = []
        var lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        for (index, line) in lines.enumerated() {
            let line = line.last == 13 ? line.dropLast() : line
            if line.starts(with: "#version".utf8) { continue }
            let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
            guard parts.count == 2, let left = String(parts[0]), let right = String(parts[1]) else {
                throw Fault(
                    .badData, "a merge is not two tokens with a space between", file: "merges.txt",
                    place: "line \(index + 1)", found: ListedToken.shown(String(decoding: line, as: UTF8.self)))
            }
            merges.append(TokenizerJSON.merge(left, right))
        }
        return merges
    }
}
