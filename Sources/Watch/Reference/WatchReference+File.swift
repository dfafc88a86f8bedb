import Checkpoints
import Faults
import JSONText

extension WatchReference {
    private static let kind = "espalier watch reference"

    /// Writes a safetensors file; it has its name when it is whole.
    ///
    /// - Returns: the file's SHA-256.
    /// - Throws: `inputOutput` when it cannot be written.
    public func write(to path: String) throws(Fault) -> String {
        try checkSize(path)
        let count = positions
        let writer = try SafetensorsWriter(
            path,
            [
                TensorDescription(name: "tokens", shape: [prompts.reduce(0) { $0 + $1.ids.count }], type: .i32),
                TensorDescription(name: "lengths", shape: [prompts.count], type: .i32),
                TensorDescription(name: "scored_from", shape: [prompts.count], type: .i32),
                TensorDescription(name: "top_tokens", shape: [count, topCount], type: .i32),
                TensorDescription(name: "top_log_probabilities", shape: [count, topCount], type: .f32),
                TensorDescription(name: "rest", shape: [count], type: .f32),
            ],
            metadata: [
                "kind": WatchReference.kind, "version": "\(WatchReference.version)", "model": model,
                "tokenizer_sha256": tokenizerDigest, "vocabulary": "\(vocabularySize)", "dtype": dtype,
            ])
        func bytes<Element>(_ values: [Element]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
        for tensor in writer.order {
            switch tensor.name {
            case "tokens": try writer.write(tensor.name, bytes(prompts.flatMap(\.ids)))
            case "lengths": try writer.write(tensor.name, bytes(prompts.map { Int32($0.ids.count) }))
            case "scored_from": try writer.write(tensor.name, bytes(prompts.map { Int32($0.scoredFrom) }))
            case "top_tokens": try writer.write(tensor.name, bytes(topTokens))
            case "top_log_probabilities": try writer.write(tensor.name, bytes(topLogProbabilities))
            default: try writer.write(tensor.name, bytes(rest))
            }
        }
        return try writer.finish().sha256
    }

    /// Reads a reference; everything in it is checked, so that scoring cannot go wrong.
    ///
    /// - Throws: `missingInput`, `inputOutput`, or `badData` for what is no reference or does not hold together.
    public init(contentsOf path: String) throws(Fault) {
        let file = try SafetensorsFile(path)
        try WatchReference.check(bytes: file.size, file: path)
        func text(_ key: String) throws(Fault) -> String {
            guard let value = file.header.metadata[key]?.stringValue else {
                throw Fault(
                    .badData, "this is not a reference of `espalier watch`", file: path, place: "__metadata__",
                    found: "no '\(key)'", advice: "make one with `espalier watch DENSE --write-reference FILE`")
            }
            return value
        }
        func wrong(_ summary: String, _ name: String, found: String? = nil, expected: String? = nil) -> Fault {
            Fault(
                .badData, summary, file: path, place: "tensor '\(name)'", found: found, expected: expected,
                advice: "write the reference again")
        }
        let kind = try text("kind")
        let version = try text("version")
        guard kind == WatchReference.kind, version == "\(WatchReference.version)" else {
            throw Fault(
                .badData, "the reference is of an unknown kind or version", file: path, place: "__metadata__",
                found: "\(kind.prefix(80)), version \(version.prefix(20))",
                expected: "\(WatchReference.kind), version \(WatchReference.version)")
        }
        guard let vocabulary = Int(try text("vocabulary")), vocabulary > 0, vocabulary <= Int(Int32.max) else {
            throw Fault(
                .badData, "the reference has no vocabulary size", file: path, place: "__metadata__",
                found: "vocabulary \(try text("vocabulary").prefix(40))")
        }
        func values<Element: BitwiseCopyable>(
            _ name: String, _ type: StoredType, rank: Int, as element: Element.Type
        ) throws(Fault) -> (shape: [Int], values: [Element]) {
            guard let tensor = file.tensor(name), tensor.type == type, tensor.shape.count == rank else {
                throw wrong("the reference lacks a tensor", name, expected: "\(type.rawValue) of rank \(rank)")
            }
            return (tensor.shape, try file.values(name, as: element))
        }
        try WatchReference.check(prompts: file.tensor("lengths")?.count ?? 0, file: path)
        let tokens = try values("tokens", .i32, rank: 1, as: Int32.self).values
        let lengths = try values("lengths", .i32, rank: 1, as: Int32.self).values
        let starts = try values("scored_from", .i32, rank: 1, as: Int32.self).values
        let top = try values("top_tokens", .i32, rank: 2, as: Int32.self)
        let probabilities = try values("top_log_probabilities", .f32, rank: 2, as: Float.self)
        let rest = try values("rest", .f32, rank: 1, as: Float.self).values

        guard !lengths.isEmpty, lengths.count == starts.count,
            lengths.reduce(0, { $0 + Int($1) }) == tokens.count,
            zip(lengths, starts).allSatisfy({ $1 >= 1 && $0 > $1 })
        else {
            throw wrong(
                "the prompts' lengths do not match their tokens", "lengths",
                expected: "at least one scored token after one given token in every prompt")
        }
        self.init(
            model: try text("model"), tokenizerDigest: try text("tokenizer_sha256"), vocabularySize: vocabulary,
            dtype: try text("dtype"), prompts: [], topCount: top.shape[1])
        var at = 0
        for (length, start) in zip(lengths, starts) {
            prompts.append(ScoredPrompt(ids: Array(tokens[at..<at + Int(length)]), scoredFrom: Int(start)))
            at += Int(length)
        }
        let shape = [positions, topCount]
        guard topCount >= 1, top.shape == shape, probabilities.shape == shape, rest.count == positions else {
            throw wrong(
                "the predictions do not match the prompts", "top_tokens", found: "shape \(top.shape)",
                expected: "shape [\(positions), 1 to \(vocabulary)], and the same for the probabilities")
        }
        for (name, ids) in [("tokens", tokens), ("top_tokens", top.values)] {
            if let id = ids.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
                throw wrong(
                    "a token is not in the vocabulary", name, found: "id \(id)", expected: "below \(vocabulary)")
            }
        }
        guard probabilities.values.allSatisfy({ $0 <= 1e-3 }), rest.allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
            throw wrong("the predictions are not probabilities", "top_log_probabilities")
        }
        topTokens = top.values
        topLogProbabilities = probabilities.values
        self.rest = rest
    }
}
