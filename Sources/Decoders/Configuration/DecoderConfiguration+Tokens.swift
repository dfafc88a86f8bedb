import Faults

extension DecoderConfiguration {
    /// The one gate in front of every table of token ids: wherever an id comes from (a text, a file, a configuration's
    /// special tokens, a template), a row that the embedding does not have would end the process.
    ///
    /// - Throws: `badData` with the first id that is not in the vocabulary.
    public func checkTokens(_ ids: some Sequence<Int32>, file: String) throws(Fault) {
        guard let id = ids.first(where: { $0 < 0 || Int($0) >= vocabularySize }) else { return }
        throw Fault(
            .badData, "a token is not in the model's vocabulary", file: file, found: "id \(id)",
            expected: "0 to \(vocabularySize - 1)",
            advice: "use tokens of this model's tokenizer, and look at the special tokens of its configuration")
    }
}
