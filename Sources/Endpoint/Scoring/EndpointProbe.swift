import Faults
import Tokenization

/// Finds out how a server can be asked for log-probabilities of a prompt, and whether what it answers can be true,
/// before anything is scored.
extension EndpointScorer {
    /// A text that all tokenizers know.
    static let probeText = "The quick brown fox jumps over the lazy dog, and 1,234 people saw it on Monday in the café."
    /// Tokens of a probe at most.
    public static let probeLength = 40
    /// How far two answers to one question may differ: other batches add in another order.
    private static let noise = 0.1

    /// - Parameter isBegun: whether the sequences that will be scored begin with BOS.
    /// - Throws: what the client throws; `badData` when the server gives no log-probabilities of prompts, or some that
    ///   cannot be true.
    public mutating func probe(begun isBegun: Bool, length: Int = EndpointScorer.probeLength) throws(Fault) {
        guard layouts[isBegun] == nil else { return }
        guard server.software != .llamaCpp else {
            throw Fault(
                .badData, "llama.cpp's own server gives no log-probabilities of a prompt",
                place: server.completionsURL, found: server.version,
                expected: "vLLM, or another server with 'prompt_logprobs', or 'echo' with 'logprobs'",
                advice:
                    "serve the file by llama-cpp-python with --logits_all true to score it; benchmark --endpoint and "
                    + "watch --endpoint work with this server")
        }
        let (first, second) = try probes(begun: isBegun, length: length)
        var layouts: [Layout] = [Layout(form: .promptLogProbabilities), Layout(form: .echoedIDs)]
        for dropped in isBegun ? [0, 1] : [0] {
            layouts.append(Layout(form: .echoedText, dropped: dropped))
            if isBegun { layouts.append(Layout(form: .echoedText, omitsBeginning: true, dropped: dropped)) }
        }
        var reasons: [(form: Form, fault: Fault)] = []
        for layout in layouts {
            do throws(Fault) {
                let (answer, other) = (try score(first, layout), try score(second, layout))
                try check(answer, other)
                set(layout, forBegun: isBegun)
                return
            } catch {
                // What fails for another reason than the form of the request fails for all. Some servers fall over a
                // prompt that is no text.
                guard error.kind == .badData || layout.form != .echoedText && error.summary == EndpointClient.failure
                else { throw error }
                if let index = reasons.firstIndex(where: { $0.form == layout.form }) {
                    // A try that came further tells more.
                    if error.expected != nil { reasons[index].fault = error }
                } else {
                    reasons.append((layout.form, error))
                }
            }
        }
        // One that answered, and wrongly, is the one to hear of.
        let telling = reasons.first { $0.fault.summary.contains("token") || $0.fault.expected != nil }
        throw Fault(
            .badData, "the server gives no log-probabilities of a prompt that can be used",
            place: server.completionsURL,
            found: reasons.map {
                "\($0.form.rawValue): \($0.fault.summary)" + ($0.fault.found.map { " (\($0))" } ?? "")
            }
            .joined(separator: "; "),
            expected: telling?.fault.expected ?? "as many as the prompt has tokens, the first null",
            advice: telling?.fault.advice
                ?? "use vLLM, or llama-cpp-python with --logits_all true; benchmark --endpoint works with this server")
    }

    /// Two sequences that differ in the last token only.
    private func probes(begun isBegun: Bool, length: Int) throws(Fault) -> (first: [Int32], second: [Int32]) {
        let head = isBegun ? beginning.map { [$0] } ?? [] : []
        let text = tokenizer.encode(EndpointScorer.probeText, addSpecialTokens: false)
        func isRead(_ ids: [Int32]) -> Bool {
            tokenizer.encode(tokenizer.decode(ids, skipSpecialTokens: false), addSpecialTokens: false) == ids
        }
        // What is cut may be read in another way.
        for count in stride(from: min(text.count, max(2, length - head.count)), through: 2, by: -1) {
            let first = Array(text.prefix(count))
            guard isRead(first),
                let other = text.first(where: { $0 != first[count - 1] && isRead(first.dropLast() + [$0]) })
            else { continue }
            return (head + first, head + first.dropLast() + [other])
        }
        throw Fault(
            .badData, "the tokenizer makes too few tokens of a plain text to try the server with",
            found: "\(text.count) tokens of \"\(EndpointScorer.probeText)\"")
    }

    /// Holds two answers to prompts that differ in the last token only beside each other.
    private func check(_ answer: [ServedToken?], _ other: [ServedToken?]) throws(Fault) {
        let values = answer.compactMap { $0?.logProbability }
        guard values.count < 3 || Set(values).count > 1 else {
            throw Fault(
                .badData, "the server gives every token the same log-probability", found: "\(values[0])",
                expected: "those of the model's predictions")
        }
        // Nobody predicts every token of a text: the likeliest ones are not told.
        let said = answer.compactMap { $0 }
        guard said.count < 8 || said.contains(where: { !$0.isLikeliest }) else {
            throw Fault(
                .badData, "the server names no likelier token than the prompt's own, anywhere",
                found: "\(said.count) of \(said.count) tokens the likeliest", expected: "those that it predicts")
        }
        // What is predicted at a place follows from what stands before it.
        guard let last = answer.last ?? nil, let otherLast = other.last ?? nil else { return }
        let difference = abs(last.best.logProbability - otherLast.best.logProbability)
        let isSame = last.best.name == otherLast.best.name
        guard difference <= (isSame ? EndpointScorer.noise : EndpointScorer.noise / 5) else {
            throw Fault(
                .badData, "the server's log-probabilities are those of the next place",
                found: "another prediction of the last token when the last token is another",
                expected: "predictions that follow from the tokens before",
                advice: "llama-cpp-python does this to prompts without BOS: give --bos, if the model names one")
        }
    }
}
