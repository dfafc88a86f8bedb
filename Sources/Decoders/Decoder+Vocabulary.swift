import Faults

extension Decoder {
    /// - Throws: `badData` when the other model's vocabulary has another size.
    public func checkVocabulary(equals dense: Decoder) throws(Fault) {
        guard dense.configuration.vocabularySize != configuration.vocabularySize else { return }
        throw Fault(
            .badData, "the two models cannot be compared: their vocabularies have different sizes",
            file: checkpoint.path, found: "\(configuration.vocabularySize) tokens",
            expected: "\(dense.configuration.vocabularySize) tokens, as in \(dense.checkpoint.path)")
    }
}
