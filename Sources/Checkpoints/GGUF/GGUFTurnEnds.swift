import JSONText

/// The tokens that end a text or a turn of a conversation in a GGUF file: those that keys name, and those that are
/// known by their text, since many files name the end of a text alone.
enum GGUFTurnEnds {
    /// As the runtimes of the format know them. Padding and separators of code, which end no turn, are not among them.
    private static let texts: Set<ExactText> = Set(
        [
            "<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
            "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
            "<end_of_utterance>", "<eos>", "</s>", "<｜end▁of▁sentence｜>",
        ].map { ExactText($0) })

    /// - Parameter named: by keys, the end of a text first.
    /// - Returns: each once; those known by their text follow by id. A text counts only for a token that is marked: an
    ///   ordinary token of the same letters, such as `</s>` of a vocabulary of web pages, ends nothing.
    static func ids(named: [Int?], _ tokens: PackedStrings, _ kinds: [Int]) -> [Int] {
        var ids: [Int] = []
        for id in named.compactMap({ $0 }) where !ids.contains(id) { ids.append(id) }
        let marked = [GGUFTokenizer.TokenKind.control, GGUFTokenizer.TokenKind.userDefined]
        for id in tokens.indices
        where marked.contains(kinds[id]) && texts.contains(ExactText(tokens[id])) && !ids.contains(id) {
            ids.append(id)
        }
        // Where a call or an answer has an end of its own, `<|end|>` stands between the parts of one turn.
        let found = Set(ids.map { ExactText(tokens[$0]) })
        let has = { (text: String) in found.contains(ExactText(text)) }
        if has("<|call|>") && has("<|return|>") || (has("<|calls|>") || has("<|call|>")) && has("<|flush|>") {
            ids.removeAll { ExactText(tokens[$0]) == ExactText("<|end|>") }
        }
        return ids
    }
}
