import Faults
import JSONText

/// vLLM's own form: `prompt_logprobs`, for every token of the prompt an object from ids to log-probabilities.
enum PromptLogProbabilities {
    static let key = "prompt_logprobs"

    /// - Parameters:
    ///   - choice: of the answer.
    ///   - ids: of the prompt, as they were sent.
    /// - Returns: for each id what the server says; nil for the first.
    /// - Throws: `badData` for an answer without them, or for other tokens.
    static func read(_ choice: JSONObject, ids: [Int32]) throws(Fault) -> [ServedToken?] {
        guard let list = choice[key]?.arrayValue else {
            throw Fault(
                .badData, "the server gives no log-probabilities of the prompt",
                found: choice[key].map { "\(key): \($0.kindName)" } ?? "no \(key)")
        }
        guard list.count == ids.count else {
            throw Fault(
                .badData, "the server gives log-probabilities of another number of tokens",
                found: "\(list.count)", expected: "\(ids.count), as many as the prompt has tokens")
        }
        guard list[0].isNull else {
            throw Fault(
                .badData, "the server gives the prompt's first token a log-probability", found: list[0].kindName,
                expected: "null: nothing stands before it")
        }
        var tokens: [ServedToken?] = [nil]
        tokens.reserveCapacity(ids.count)
        for index in 1..<max(1, list.count) {
            guard let entries = list[index].objectValue, let own = entries["\(ids[index])"] else {
                let found = list[index].objectValue?.keys.prefix(4).joined(separator: ", ") ?? list[index].kindName
                throw Fault(
                    .badData, "the server's tokens are not those that were sent",
                    found: "\(found) at token \(index)", expected: "the id \(ids[index])",
                    advice: "give --tokenizer the model that is served")
            }
            func value(_ entry: JSONValue) -> JSONValue? { entry.objectValue?["logprob"] ?? entry }
            let logProbability = try ServedToken.logProbability(value(own), index: index)
            var named: [(String, Double)] = []
            for (name, entry) in entries.members {
                named.append((name, try ServedToken.logProbability(value(entry), index: index)))
            }
            let best = named.map(\.1).max() ?? logProbability
            tokens.append(
                ServedToken(logProbability: logProbability, isLikeliest: logProbability >= best, named: named))
        }
        return tokens
    }
}
