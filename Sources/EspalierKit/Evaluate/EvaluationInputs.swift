import Calibration
import Evaluation
import Faults
import Tokenization

/// Texts and token files, and how they are cut into windows: the same for every engine that scores them.
struct EvaluationInputs {
    typealias File = EvaluationRun.File

    var files: [File]
    var context: Int?
    var isBeyondContext: Bool
    var bos: Bool?
    var windows: Int?
    var textField: String?

    /// The longest window that is taken when none is asked for.
    static let defaultContext = 2048

    /// What a file is called in the results.
    ///
    /// - Parameter others: paths of what else has figures there.
    func name(of file: File, beside others: [String]) -> String {
        FileName.shortest(file.path, among: files.map(\.path) + others)
    }

    /// The tokens of every window by name, for those who compare texts.
    func rows(
        _ inputs: [(file: File, windows: TokenWindows)], beside others: [String]
    ) -> [(name: String, rows: [ArraySlice<Int32>])] {
        inputs.map { file, windows in
            let starts = stride(from: 0, to: windows.count * windows.length, by: windows.length)
            return (name(of: file, beside: others), starts.map { windows.ids[$0..<$0 + windows.length] })
        }
    }

    /// What the models were not made for, and what takes long to show it.
    private func checkLength(_ length: Int, limit: Int, isFile: Bool) throws(Fault) {
        guard length > limit, !isBeyondContext else { return }
        throw Fault(
            isFile ? .badData : .usage, "the windows are longer than the model's context",
            place: isFile ? "tensor 'tokens'" : "--context", found: Amount.count(length, "token"),
            expected: "at most \(Amount.count(limit)), the model's context",
            advice: (isFile ? "shorten the rows" : "leave --context out")
                + ", or add --beyond-context to measure what the model does beyond its context")
    }

    /// The windows of every file, in order.
    ///
    /// - Parameter limit: tokens of the models' context.
    /// - Throws: `Fault` for files that cannot be used, and for windows longer than the limit.
    func read(
        _ opened: OpenedModel, limit: Int, _ reporter: any Reporter
    ) throws(Fault) -> [(file: File, windows: TokenWindows)] {
        let length = context ?? min(limit, EvaluationInputs.defaultContext)
        try checkLength(length, limit: limit, isFile: false)
        var tokenizer: Tokenizer?
        var inputs: [(file: File, windows: TokenWindows)] = []
        for file in files {
            var tokens: TokenWindows
            do throws(Fault) {
                switch file {
                case .text(let path):
                    let text = try self.text(path, opened, reporter)
                    let encoder = if let tokenizer { tokenizer } else { try opened.tokenizer() }
                    tokenizer = encoder
                    reporter.detail("\(path): \(Amount.count(text.utf8.count, "byte")) to tokenize")
                    tokens = try TokenWindows(
                        consecutive: ids(of: text, encoder, length: length),
                        beginning: try beginning(opened, encoder), length: length, limit: windows)
                    tokens.scoredBytes = EvaluationInputs.scoredBytes(tokens, encoder)
                case .tokens(let path):
                    let matrix = try TokenFile(path, vocabularySize: opened.configuration.vocabularySize).tokens
                    try checkLength(matrix.columns, limit: limit, isFile: true)
                    tokens = try TokenWindows(ids: matrix.values, length: matrix.columns, limit: windows)
                }
            } catch { throw error.inFile(file.path) }
            if let windows, tokens.count < windows {
                reporter.warning(
                    "\(file.path): \(Amount.count(tokens.count, "window")), fewer than the \(windows) asked for")
            }
            if tokens.length > limit {
                reporter.warning(
                    "\(file.path): windows of \(Amount.count(tokens.length, "token")) are longer than the model's "
                        + "context of \(Amount.count(limit)): the figures are for predictions that it was not "
                        + "trained for"
                )
            }
            inputs.append((file, tokens))
        }
        return inputs
    }

    /// The text's tokens, as far as windows are made of them.
    private func ids(of text: String, _ tokenizer: Tokenizer, length: Int) -> [Int32] {
        var encoder = tokenizer.makeEncoder()
        guard let windows else { return encoder.encode(text, addSpecialTokens: false) }
        // One more, for a BOS that the text itself begins with.
        let (product, overflow) = windows.multipliedReportingOverflow(by: length)
        let wanted = overflow ? .max : max(product, product &+ 1)
        var ids: [Int32] = []
        encoder.encode(text) { part in if ids.count < wanted { ids += part } }
        return ids
    }

    /// Bytes of a text that the scored tokens of consecutive windows stand for. A character of several tokens counts
    /// where it ends.
    private static func scoredBytes(_ windows: TokenWindows, _ tokenizer: Tokenizer) -> Int {
        var decoder = tokenizer.makeStreamingDecoder(skipSpecialTokens: false)
        var bytes = 0
        for (position, id) in windows.ids.enumerated() {
            let text = decoder.append(id)
            if position % windows.length > 0 { bytes += text.utf8.count }
        }
        return bytes + decoder.finish().utf8.count
    }

    /// Whether each window of a text begins with BOS.
    func beginsWithBOS(_ opened: OpenedModel) -> Bool { bos ?? opened.configuration.family.needsBeginning }

    /// BOS, where the windows of a text begin with it.
    private func beginning(_ opened: OpenedModel, _ tokenizer: Tokenizer) throws(Fault) -> Int32? {
        guard beginsWithBOS(opened) else { return nil }
        let special = try SpecialTokens(opened.checkpoint, tokenizer: tokenizer)
        return try SpecialTokens.required(special.beginning, opened.checkpoint)
    }

    /// A text file's text, or that of its records.
    private func text(
        _ path: String, _ opened: OpenedModel, _ reporter: any Reporter
    ) throws(Fault) -> String {
        guard EvaluationRun.hasRecords(path) else {
            let text = try EvaluationText(path)
            if let warning = text.warning { reporter.warning(warning) }
            return text.text
        }
        let text: EvaluationText
        do throws(Fault) {
            text = try EvaluationText(records: path, chat: try opened.chatTemplate(), textField: textField)
        } catch {
            var fault = error
            fault.advice =
                fault.advice ?? "rename the file to end in .txt to evaluate on it as it is"
            throw fault
        }
        reporter.note("\(path): the texts of \(Amount.count(text.documents ?? 0, "record")), joined by blank lines")
        if text.withTools > 0 {
            reporter.warning(
                "\(path): \(Amount.count(text.withTools, "conversation")) rendered without the definitions of "
                    + "their tools"
            )
        }
        return text.text
    }
}
