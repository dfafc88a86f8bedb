@testable import Checkpoints

/// Builds GGUF files by hand, sound or broken.
struct GGUFBuilder {
    var magic = Array("GGUF".utf8)
    var version: UInt32 = 3
    /// What the header claims; nil is the truth.
    var tensorCount: UInt64?
    var pairCount: UInt64?
    var pairs: [[UInt8]] = []
    var tensors: [[UInt8]] = []
    var alignment = 32
    var data: [UInt8] = []

    static func string(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + Array(text.utf8) }

    mutating func pair(_ key: String, _ type: GGUFValueType, _ value: [UInt8]) {
        pairs.append(GGUFBuilder.string(key) + littleEndian(type.rawValue) + value)
    }

    mutating func set(_ key: String, _ value: String) { pair(key, .string, GGUFBuilder.string(value)) }
    mutating func set(_ key: String, _ value: UInt32) { pair(key, .uint32, littleEndian(value)) }
    mutating func set(_ key: String, _ value: Float) { pair(key, .float32, littleEndian(value.bitPattern)) }
    mutating func set(_ key: String, _ value: Bool) { pair(key, .bool, [value ? 1 : 0]) }

    mutating func set(_ key: String, _ values: [String]) {
        pair(
            key, .array,
            littleEndian(GGUFValueType.string.rawValue) + littleEndian(UInt64(values.count))
                + values.flatMap { GGUFBuilder.string($0) })
    }

    mutating func set(_ key: String, _ values: [Int32]) {
        pair(
            key, .array,
            littleEndian(GGUFValueType.int32.rawValue) + littleEndian(UInt64(values.count))
                + values.flatMap { littleEndian($0) })
    }

    /// A tensor's entry; `sizes` in the file's order. Its data is appended at the right place.
    mutating func tensor(_ name: String, _ sizes: [UInt64], type: UInt32 = 0, offset: UInt64? = nil, data: [UInt8]) {
        while self.data.count % alignment != 0 { self.data.append(0) }
        tensors.append(
            GGUFBuilder.string(name) + littleEndian(UInt32(sizes.count)) + sizes.flatMap { littleEndian($0) }
                + littleEndian(type) + littleEndian(offset ?? UInt64(self.data.count)))
        self.data += data
    }

    mutating func tensor(_ name: String, _ shape: [Int]) {
        let count = shape.reduce(1, *)
        let values = (0..<count).map { Float($0) }
        tensor(name, shape.reversed().map { UInt64($0) }, data: bytes(of: values))
    }

    /// The whole file.
    var file: [UInt8] {
        var file = magic + littleEndian(version) + littleEndian(tensorCount ?? UInt64(tensors.count))
        file += littleEndian(pairCount ?? UInt64(pairs.count))
        file += pairs.flatMap { $0 } + tensors.flatMap { $0 }
        while file.count % alignment != 0 { file.append(0) }
        return file + data
    }
}

extension GGUFBuilder {
    /// One block of hidden size 8, two heads of four, a byte-level tokenizer of four tokens.
    static func sound(_ architecture: String = "llama", pre: String? = "gpt-2") -> GGUFBuilder {
        var builder = GGUFBuilder()
        builder.set("general.architecture", architecture)
        for (key, value) in [
            ("block_count", 1), ("context_length", 16), ("embedding_length", 8), ("feed_forward_length", 12),
            ("attention.head_count", 2), ("attention.head_count_kv", 1),
        ] as [(String, UInt32)] { builder.set("\(architecture).\(key)", value) }
        builder.set("\(architecture).attention.layer_norm_rms_epsilon", Float(1e-6))
        builder.set("tokenizer.ggml.model", "gpt2")
        if let pre { builder.set("tokenizer.ggml.pre", pre) }
        builder.set("tokenizer.ggml.tokens", ["a", "b", "ab", "<end>"])
        builder.set("tokenizer.ggml.token_type", [1, 1, 1, 3])
        builder.set("tokenizer.ggml.merges", ["a b"])
        builder.set("tokenizer.ggml.eos_token_id", UInt32(3))
        builder.soundTensors(architecture)
        return builder
    }

    /// The tensors of `sound`; those named are left out.
    mutating func soundTensors(_ architecture: String = "llama", rows: Int = 4, without: Set<String> = []) {
        var list: [(String, [Int])] = [
            ("token_embd.weight", [rows, 8]), ("blk.0.attn_q.weight", [8, 8]), ("blk.0.attn_k.weight", [4, 8]),
            ("blk.0.attn_v.weight", [4, 8]), ("blk.0.attn_output.weight", [8, 8]), ("blk.0.ffn_gate.weight", [12, 8]),
            ("blk.0.ffn_up.weight", [12, 8]), ("blk.0.ffn_down.weight", [8, 12]), ("blk.0.attn_norm.weight", [8]),
            ("blk.0.ffn_norm.weight", [8]), ("output_norm.weight", [8]),
        ]
        if architecture == "qwen2" {
            list += [("blk.0.attn_q.bias", [8]), ("blk.0.attn_k.bias", [4]), ("blk.0.attn_v.bias", [4])]
        }
        if architecture == "qwen3" {
            list += [("blk.0.attn_q_norm.weight", [4]), ("blk.0.attn_k_norm.weight", [4])]
        }
        for (name, shape) in list where !without.contains(name) { tensor(name, shape) }
    }
}
