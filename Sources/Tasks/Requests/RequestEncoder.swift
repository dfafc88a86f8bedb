import Faults
import Tokenization

/// Turns an item's texts into tokens as lm-evaluation-harness does.
///
/// Context and continuation are encoded together, and the continuation's tokens are what follows as many tokens as the
/// context has alone; white space at the context's end goes to the continuation first. Where the tokenizer puts BOS
/// before a text, it stands there, unless the text begins with it.
public struct RequestEncoder {
    private var encoder: Encoder
    private let prefix: Int32
    private let prefixText: [UInt8]
    private let contextLength: Int
    private let needsBeginning: Bool

    /// - Parameters:
    ///   - prefix: the token that stands before a text from nothing: BOS, or EOS for a model without.
    ///   - contextLength: tokens that the model can see.
    ///   - needsBeginning: whether the prefix stands before every text, whatever the tokenizer does.
    public init(_ tokenizer: Tokenizer, prefix: Int32, contextLength: Int, needsBeginning: Bool = false) {
        self.needsBeginning = needsBeginning
        encoder = tokenizer.makeEncoder()
        self.prefix = prefix
        prefixText = Array(tokenizer.decode([prefix], skipSpecialTokens: false).utf8)
        self.contextLength = contextLength
    }

    /// The requests of an item, one for each choice, or for a running text one for each window.
    ///
    /// - Throws: `badData` for a choice that has no tokens or more than the model can see; the place is the caller's
    ///   to say.
    public mutating func requests(
        _ item: TaskItem, preamble: String, delimiter: String
    ) throws(Fault) -> [TokenRequest] {
        if case .text(let text, _, _) = item { return windows(encode(text)) }
        var requests: [TokenRequest] = []
        for request in item.requests(preamble: preamble, delimiter: delimiter) {
            requests.append(try encode(request))
        }
        return requests
    }

    mutating func encode(_ request: TextRequest) throws(Fault) -> TokenRequest {
        let context: [Int32]
        let continuation: [Int32]
        let (text, space) = PythonText.splitTrailingSpace(request.context)
        if request.context.isEmpty {
            let tokens = encoder.encode(request.continuation, addSpecialTokens: false)
            if tokens.first == prefix {
                (context, continuation) = ([prefix], Array(tokens.dropFirst()))
            } else {
                (context, continuation) = ([prefix], tokens)
            }
        } else {
            context = encode(text)
            continuation = Array(encode(text + space + request.continuation).dropFirst(context.count))
        }
        guard !continuation.isEmpty, continuation.count <= contextLength else {
            throw Fault(
                .badData, continuation.isEmpty ? "an answer has no tokens" : "an answer is longer than the context",
                found: "\(continuation.count) tokens for \"\(request.continuation.prefix(80))\"",
                expected: "1 to \(contextLength) tokens")
        }
        guard !context.isEmpty else {
            // A context of white space only: all of it went to the continuation.
            return TokenRequest(context: [prefix], continuation: continuation, limit: contextLength)
        }
        return TokenRequest(context: context, continuation: continuation, limit: contextLength)
    }

    private mutating func encode(_ text: String) -> [Int32] {
        let beginsWithPrefix = !prefixText.isEmpty && text.utf8.starts(with: prefixText)
        let ids = encoder.encode(text, addSpecialTokens: !beginsWithPrefix)
        return needsBeginning && ids.first != prefix ? [prefix] + ids : ids
    }

    /// A running text in windows that do not overlap, each token predicted once. Every window sees one token before its
    /// first: the last of the window before, or the prefix. The last window is filled up with context from the left.
    func windows(_ tokens: [Int32]) -> [TokenRequest] {
        var windows: [TokenRequest] = []
        var start = 0
        while start < tokens.count {
            let end = min(start + contextLength, tokens.count)
            let from = start == 0 ? 0 : end - contextLength
            // The token before the first one that is seen is the prefix, or the text's own.
            let context = (start == 0 ? [prefix] : Array(tokens[from - 1..<start]))
            windows.append(
                TokenRequest(context: context, continuation: tokens[start..<end], limit: contextLength))
            start = end
        }
        return windows
    }
}
