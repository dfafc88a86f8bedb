import Decoders
import Faults
import Torch

/// Continues a sequence of tokens.
public struct Generator {
    public enum Stop: String, Sendable {
        /// The model ended its text.
        case endToken = "end"
        /// As many tokens as were asked for.
        case length
        /// The model's context is full.
        case context
        /// The logits were not numbers.
        case notANumber = "not-a-number"
    }

    public struct Result: Equatable, Sendable {
        /// The new tokens, without the one that ended the text.
        public var ids: [Int32]
        public var stop: Stop

        public init(ids: [Int32], stop: Stop) {
            self.ids = ids
            self.stop = stop
        }
    }

    private let model: LoadedDecoder
    private let endTokens: Set<Int32>

    /// - Parameter endTokens: ids that end a text.
    public init(_ model: LoadedDecoder, endTokens: Set<Int32>) {
        self.model = model
        self.endTokens = endTokens
    }

    /// - Parameters:
    ///   - prompt: at least one id, BOS included where the model expects it.
    ///   - limit: new tokens at most.
    ///   - each: told every new token as it comes.
    /// - Throws: `badData` for an empty prompt, one that fills the context, or ids outside the vocabulary.
    public func generate(
        from prompt: [Int32], limit: Int, sampling: SamplingSettings = .greedy,
        each: (Int32) throws(Fault) -> Void = { _ in }
    ) throws(Fault) -> Result {
        try check(prompt)
        var sampler = TokenSampler(sampling)
        let cache = model.makeCache()
        var pending = prompt
        var result = Result(ids: [], stop: .length)
        while result.ids.count < limit {
            guard cache.length + pending.count <= model.capacity else {
                result.stop = .context
                break
            }
            let logits = try model.logits(pending, cache: cache)
            guard !logits.maximum().scalar.isNaN else {
                result.stop = .notANumber
                break
            }
            let id = sampler.next(logits)[0]
            if endTokens.contains(id) {
                result.stop = .endToken
                break
            }
            result.ids.append(id)
            try each(id)
            pending = [id]
        }
        return result
    }

    private func check(_ prompt: [Int32]) throws(Fault) {
        guard !prompt.isEmpty else {
            throw Fault(.badData, "there is nothing to continue", found: "a prompt of no tokens")
        }
        let size = model.configuration.vocabularySize
        if let id = prompt.first(where: { $0 < 0 || Int($0) >= size }) {
            throw Fault(
                .badData, "a token of the prompt is not in the model's vocabulary", found: "id \(id)",
                expected: "0 to \(size - 1)")
        }
        guard prompt.count <= model.capacity else {
            throw Fault(
                .badData, "the prompt is longer than the model's context", found: "\(prompt.count) tokens",
                expected: "at most \(model.capacity) tokens", advice: "shorten the prompt")
        }
    }
}
