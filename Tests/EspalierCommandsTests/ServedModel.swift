import Evaluation
import Faults
import JSONText
import TestSupport
import Tokenization

@testable import EspalierKit

/// A server that answers with the predictions of a model's files, as one of several programs would.
struct ServedModel: Sendable {
    /// The form of the answers.
    enum Program: Sendable {
        /// Ids and texts; `prompt_logprobs`, and `echo` with `logprobs`.
        case vllm
        /// Ids and texts; `echo` with `logprobs` only.
        case openAI
        /// Texts only, and it falls over anything else; what stands before BOS is not listed, and without BOS each
        /// value is that of the next place.
        case llamaCppPython
        /// Ids and texts, and no log-probabilities of a prompt.
        case llamaCpp
    }

    /// What is wrong with the answers.
    enum Lie: Sendable {
        case fewerTokens
        case positive
        case notANumber
        case otherIDs
        case firstIsScored
        case allAlike
        case shifted
        /// No token but the prompt's own is named.
        case onlyOwn
        /// More is written than was asked for.
        case wordy
    }

    let path: String
    var program = Program.vllm
    var lie: Lie?
    /// Answers that are true before the first lie.
    var truths = 0
    var contextLength: Int?
    /// New tokens of a stream are written this far apart, in seconds.
    var pause = 0.02

    /// - Returns: a server that is to be ended.
    func start() throws -> LoopbackServer {
        let count = Counter()
        return try LoopbackServer { request in
            switch (request.method, request.path) {
            case ("GET", "/v1/models"):
                var model: [(String, JSONValue)] = [("id", .string("tiny"))]
                model.append(
                    ("owned_by", .string(program == .vllm ? "vllm" : program == .llamaCpp ? "llamacpp" : "me")))
                if let contextLength { model.append(("max_model_len", .integer(contextLength))) }
                return json(.object(["object": .string("list"), "data": .array([.object(JSONObject(model))])]))
            case ("POST", "/v1/completions"):
                do {
                    return try completion(request.body, isTrue: count.next() < truths || lie == nil)
                } catch {
                    return .answer(
                        program == .llamaCppPython ? 500 : 400, body: #"{"error": {"message": "bad request"}}"#)
                }
            default: return .answer(404, body: "")
            }
        }
    }

    private struct Refused: Error {}

    private func json(_ value: JSONValue) -> LoopbackServer.Reply { .answer(200, body: value.text(pretty: false)) }

    private func completion(_ body: [UInt8], isTrue: Bool) throws -> LoopbackServer.Reply {
        guard let request = try JSONValue(parsing: body).objectValue, let prompt = request["prompt"] else {
            throw Refused()
        }
        let opened = try OpenedModel(path)
        let tokenizer = try opened.tokenizer()
        var ids: [Int32]
        if let text = prompt.stringValue {
            ids = tokenizer.encode(text, addSpecialTokens: false)
        } else if program != .llamaCppPython, let list = prompt.arrayValue {
            ids = list.compactMap { $0.integerValue.map(Int32.init) }
        } else {
            throw Refused()
        }
        let limit = request["max_tokens"]?.integerValue ?? 16
        if request["stream"]?.boolValue == true { return stream(ids, limit) }
        // The text that is written comes last and is of no account here.
        if program == .llamaCppPython, limit < 1 { throw Refused() }
        let lie = isTrue ? nil : lie
        if lie == .otherIDs { ids = ids.map { ($0 + 1) % 200 } }
        // One prediction more, for values that are those of the next place.
        let rows = try predictions(opened, ids + [0])
        var values: [JSONValue] = [.null]
        var tops: [JSONValue] = [.null]
        var own: [JSONValue] = [.null]
        let shift = lie == .shifted || program == .llamaCppPython && ids.first != TinyModel.begin ? 1 : 0
        for index in 1..<max(1, ids.count) {
            let row = rows[index - 1 + shift]
            let best = row.indices.max { row[$0] < row[$1] } ?? 0
            var value = Double(row[Int(ids[index])])
            if lie == .positive { value = 0.5 }
            if lie == .allAlike { value = -1 }
            let text: JSONValue = lie == .notANumber ? .number("NaN") : .double(value)
            values.append(text)
            let likeliest = (
                tokenizer.decode([Int32(best)], skipSpecialTokens: false), JSONValue.double(Double(row[best]))
            )
            tops.append(
                .object(
                    JSONObject(
                        (lie == .onlyOwn ? [] : [likeliest])
                            + [(tokenizer.decode([ids[index]], skipSpecialTokens: false), text)])))
            var named: [(String, JSONValue)] = row.indices.sorted { row[$0] > row[$1] }
                .prefix(lie == .onlyOwn ? 0 : request["prompt_logprobs"]?.integerValue ?? 0)
                .map { ("\($0)", .object(["logprob": .double(Double(row[$0]))])) }
            named.append(("\(ids[index])", .object(["logprob": text])))
            own.append(.object(JSONObject(named)))
        }
        if lie == .firstIsScored {
            values[0] = .double(-1)
            own[0] = own.last ?? .null
        }
        if lie == .fewerTokens {
            values.removeLast()
            tops.removeLast()
            own.removeLast()
            ids.removeLast()
        }
        var new: [Int32] = []
        for _ in 0..<max(1, limit) {
            let last = new.isEmpty ? rows.last : try predictions(opened, ids + new + [0]).last
            new.append(Int32(last.flatMap { row in row.indices.max { row[$0] < row[$1] } } ?? 0))
        }
        let written = tokenizer.decode(new, skipSpecialTokens: true)
        let told = lie == .wordy ? limit + 1 : new.count
        var choice: [(String, JSONValue)] = [
            ("index", .integer(0)), ("text", .string(written)), ("finish_reason", .string("length")),
        ]
        var names = ids.map { JSONValue.string(tokenizer.decode([$0], skipSpecialTokens: false)) }
        let count = ids.count
        if program == .llamaCppPython, ids.first == TinyModel.begin {
            names.removeFirst()
            values.removeFirst()
            tops.removeFirst()
            values[0] = .null
            tops[0] = .null
        }
        if program == .vllm, request["prompt_logprobs"] != nil { choice.append(("prompt_logprobs", .array(own))) }
        if program != .llamaCpp, request["echo"]?.boolValue == true, request["logprobs"] != nil {
            choice.append(
                (
                    "logprobs",
                    .object([
                        "tokens": .array(names + [.string("!")]), "token_logprobs": .array(values + [.double(-0.5)]),
                        "top_logprobs": .array(tops + [.object(["!": .double(-0.5)])]),
                    ])
                ))
        }
        return json(
            .object([
                "object": .string("text_completion"), "choices": .array([.object(JSONObject(choice))]),
                "usage": .object(["prompt_tokens": .integer(count), "completion_tokens": .integer(told)]),
            ]))
    }

    /// The log-probabilities of the token after each but the last.
    private func predictions(_ opened: OpenedModel, _ ids: [Int32]) throws -> [[Float]] {
        guard ids.count > 1 else { return [] }
        var rows: [[Float]] = []
        try PromptPredictions(opened.decoder, dtype: .float32).visit([.init(ids: ids, scoredFrom: 1)]) {
            (_, _, found) throws(Fault) in
            let (values, width) = (found.floats(), found.size(1))
            for start in stride(from: 0, to: values.count, by: width) {
                rows.append(Array(values[start..<start + width]))
            }
        }
        return rows
    }

    private func stream(_ ids: [Int32], _ limit: Int) -> LoopbackServer.Reply {
        var parts: [(pause: Double, text: String)] = (0..<limit).map { index in
            (pause, #"data: {"choices": [{"index": 0, "text": "a\#(index)", "finish_reason": null}]}"# + "\n\n")
        }
        let usage = #"{"prompt_tokens": \#(ids.count), "completion_tokens": \#(limit)}"#
        parts.append((0, #"data: {"choices": [{"index": 0, "text": "", "finish_reason": "length"}]}"# + "\n\n"))
        parts.append((0, #"data: {"choices": [], "usage": \#(usage)}"# + "\n\ndata: [DONE]\n\n"))
        return .stream(parts)
    }
}
