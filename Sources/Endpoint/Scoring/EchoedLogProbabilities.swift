import Faults
import JSONText
import Tokenization

/// OpenAI's older form: with `echo` the prompt comes back before the completion, and `logprobs` tell of both.
enum EchoedLogProbabilities {
    /// - Parameters:
    ///   - answer: the whole document.
    ///   - choice: of the answer.
    ///   - ids: of the prompt, as our tokenizer makes them.
    ///   - dropped: tokens at the prompt's begin that the server leaves out of its lists: BOS, or none.
    /// - Returns: for each id what the server says; nil for those left out and the first that is not.
    /// - Throws: `badData` for an answer without them, or for other tokens.
    static func read(
        _ answer: JSONValue, _ choice: JSONObject, ids: [Int32], dropped: Int, _ tokenizer: Tokenizer
    ) throws(Fault) -> [ServedToken?] {
        let usage = answer.objectValue?["usage"]?.objectValue
        if let told = usage?["prompt_tokens"]?.integerValue, told != ids.count {
            throw Fault(
                .badData, "the server reads the prompt as another number of tokens", found: "\(told)",
                expected: "\(ids.count)",
                advice: told == ids.count + 1
                    ? "it seems to put BOS before every text: give --bos" : "give --tokenizer the model that is served")
        }
        guard let lists = choice["logprobs"]?.objectValue, let values = lists["token_logprobs"]?.arrayValue else {
            throw Fault(
                .badData, "the server gives no log-probabilities of the prompt",
                found: choice["logprobs"].map { "logprobs: \($0.kindName)" } ?? "no logprobs")
        }
        let names = lists["tokens"]?.arrayValue ?? []
        let tops = lists["top_logprobs"]?.arrayValue ?? []
        let echoed = ids.count - dropped
        let written = usage?["completion_tokens"]?.integerValue.map { $0...$0 } ?? 0...1
        guard written.contains(values.count - echoed), names.count == values.count, tops.count == values.count else {
            throw Fault(
                .badData, "the server gives log-probabilities of another number of tokens",
                found: "\(values.count) for prompt and completion, \(names.count) tokens, \(tops.count) likeliest",
                expected: "\(echoed) for the prompt")
        }
        guard echoed == 0 || values[0].isNull else {
            throw Fault(
                .badData, "the server gives the prompt's first token a log-probability", found: values[0].kindName,
                expected: "null: nothing stands before it")
        }
        var tokens = [ServedToken?](repeating: nil, count: min(dropped + 1, ids.count))
        tokens.reserveCapacity(ids.count)
        for (index, id) in ids.enumerated() where index >= dropped {
            let place = index - dropped
            let name = names[place].stringValue ?? ""
            guard agrees(name, with: id, tokenizer) else {
                throw Fault(
                    .badData, "the server's tokens are not those of our tokenizer",
                    found: "\"\(LegibleText.of(name, limit: 40))\" at token \(index)",
                    expected: "\"\(LegibleText.of(tokenizer.decode([id], skipSpecialTokens: false), limit: 40))\"",
                    advice: "give --tokenizer the model that is served")
            }
            guard place > 0 else { continue }
            let logProbability = try ServedToken.logProbability(values[place], index: index)
            guard let top = tops[place].objectValue, !top.isEmpty else {
                throw Fault(
                    .badData, "the server names no likeliest token", found: tops[place].kindName,
                    expected: "an object at token \(index), as 'logprobs: 1' asks for")
            }
            var named: [(String, Double)] = []
            for (name, value) in top.members {
                // A name that is a number would pass for an id.
                named.append(("\"" + name, try ServedToken.logProbability(value, index: index)))
            }
            let best = named.map(\.1).max() ?? logProbability
            tokens.append(
                ServedToken(logProbability: logProbability, isLikeliest: logProbability >= best, named: named))
        }
        return tokens
    }

    /// Whether a token's name can be that of an id. Servers write pieces or their texts, with or without the blank in
    /// front; what is beyond ASCII may be a part of a character, which each writes in its own way.
    private static func agrees(_ name: String, with id: Int32, _ tokenizer: Tokenizer) -> Bool {
        if name.hasPrefix("token_id:") { return name == "token_id:\(id)" }
        if let piece = tokenizer.token(of: id), piece.utf8.elementsEqual(name.utf8) { return true }
        let own = tokenizer.decode([id], skipSpecialTokens: false)
        func isPlain(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy { $0 < 0x80 } }
        guard isPlain(name), isPlain(own) else { return true }
        return name.utf8.drop { $0 == 0x20 }.elementsEqual(own.utf8.drop { $0 == 0x20 })
    }
}
