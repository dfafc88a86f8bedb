import Calibration
import Faults
import Files
import Tokenization
import Watch

/// A log's prompts as tokens, in the order of its lines.
struct LoggedPrompts {
    struct Prompt: Equatable {
        var entry: PromptLog.Entry
        var sequence: ScoredPrompt
        /// The prompt's own tokens, as a server would be given them; none for an empty one without BOS.
        var given: [Int32]
    }

    var prompts: [Prompt] = []
    /// Prompts cut to the limit, and those without a token to score, which were left out.
    var cut = 0
    var dropped = 0

    /// - Parameters:
    ///   - textField: the only key of the log that is read; nil reads the usual forms.
    ///   - limit: tokens of a prompt at most; longer ones are cut.
    ///   - advice: what to do when nothing can be scored.
    /// - Throws: `missingInput` without the file, `badData` for lines that are no prompts and when nothing can be
    ///   scored.
    init(
        _ path: String, _ opened: OpenedModel, _ tokenizer: Tokenizer, textField: String? = nil, limit: Int,
        advice: String, _ reporter: any Reporter
    ) throws(Fault) {
        // Only a conversation in the log makes a template that is missing or unknown an error.
        var choice: ChatTemplate.Choice?
        let bytes = try InputFile.unpacked(path).contents(limit: ReadableFile.largestFile)
        let log = try PromptLog(parsing: bytes, file: path, textField: textField) {
            () throws(Fault) in
            let known = if let choice { choice } else { try opened.chatTemplate() }
            choice = known
            return known
        }
        if log.hasTornLine { reporter.warning("\(path): the last line is not complete and was left out") }
        if log.withTools > 0 {
            reporter.warning(
                "\(path): \(Amount.count(log.withTools, "prompt")) rendered without the definitions of their tools")
        }
        var encoder = tokenizer.makeEncoder()
        // Others' special tokens are not looked at for this.
        let special = opened.configuration.family.needsBeginning ? try opened.specialTokens(tokenizer) : nil
        func begun(_ ids: [Int32], _ entry: PromptLog.Entry) -> [Int32] {
            special?.begun(ids, isRendered: entry.isRendered) ?? (entry.isRendered ? ids : tokenizer.prefixIDs + ids)
        }
        // What is not cut is not copied.
        func shortened(_ ids: [Int32]) -> [Int32] { ids.count > limit ? Array(ids.prefix(limit)) : ids }
        for entry in log.entries {
            // Together, as the model meets them: a token may reach over the border.
            let whole = entry.completion.map { entry.prompt + $0 } ?? entry.prompt
            let ids = begun(LoggedPrompts.first(limit, of: whole, &encoder), entry)
            let given =
                entry.completion == nil ? ids : begun(LoggedPrompts.first(limit, of: entry.prompt, &encoder), entry)
            let start = entry.completion == nil ? 1 : max(1, given.count)
            if ids.count > limit { cut += 1 }
            guard start < min(ids.count, limit) else { continue }
            prompts.append(
                Prompt(
                    entry: entry, sequence: ScoredPrompt(ids: shortened(ids), scoredFrom: start),
                    given: shortened(given)))
        }
        if cut > 0 { reporter.note("\(path): \(Amount.count(cut, "prompt")) cut to \(limit) tokens") }
        dropped = log.entries.count - prompts.count
        guard !prompts.isEmpty else {
            throw Fault(
                .badData, "no prompt has a token to score", file: path, found: Amount.count(dropped, "prompt"),
                expected: "texts of at least 2 tokens, completions of at least 1, within \(limit) tokens",
                advice: advice)
        }
        if dropped > 0 {
            reporter.warning("\(path): \(Amount.count(dropped, "prompt")) without a token to score left out")
        }
    }

    /// The tokens of a text up to the limit, with some more where there are any, so that it is known to be cut.
    private static func first(_ limit: Int, of text: String, _ encoder: inout Encoder) -> [Int32] {
        var ids: [Int32] = []
        encoder.encode(text) { part in if ids.count <= limit { ids += part } }
        return ids
    }
}
