import Randomness

/// A GGUF model of a few thousand random weights, whole or in parts, with a tokenizer whose tokens are the bytes.
public struct TinyGGUF {
    /// Keys beside those that the model needs, or in their place.
    public var keys: [(name: String, value: Value)] = []
    /// Tensors of each part; one part where it is nil.
    public var tensorsPerPart: Int?
    /// Changes a tensor's values before they are written.
    public var edit: (String, inout [Float]) -> Void = { _, _ in }
    /// After the 256 bytes.
    public var controls = ["<begin>", "<end>", "<turn>"]

    public enum Value {
        case natural(UInt32)
        case small(UInt16)
        case number(Float)
        case flag(Bool)
        case text(String)
        case texts([String])
        case integers([Int32])
    }

    public static let begin = 256
    public static let end = 257
    public static let turn = 258

    private let hidden = 16
    private let intermediate = 24
    private let heads = 4
    private let keyValueHeads = 2
    private let layers = 2

    public init() {}

    /// The files by name: `NAME.gguf`, or `NAME-00001-of-0000N.gguf` and so on.
    public func files(_ name: String = "m") -> [(name: String, bytes: [UInt8])] {
        guard let tensorsPerPart else { return [("\(name).gguf", file(pairs, tensors))] }
        let parts = stride(from: 0, to: tensors.count, by: tensorsPerPart).map {
            Array(tensors[$0..<min($0 + tensorsPerPart, tensors.count)])
        }
        func digits(_ number: Int) -> String { String(String(100_000 + number).dropFirst()) }
        return parts.enumerated().map { index, part in
            let split: [(String, Value)] = [
                ("split.no", .small(UInt16(index))), ("split.count", .small(UInt16(parts.count))),
                ("split.tensors.count", .natural(UInt32(tensors.count))),
            ]
            return (
                "\(name)-\(digits(index + 1))-of-\(digits(parts.count)).gguf",
                file((index == 0 ? pairs : []) + split, part)
            )
        }
    }

    /// Writes the files and gives their paths.
    @discardableResult
    public func write(to folder: TemporaryFolder, _ name: String = "m") throws -> [String] {
        try files(name).map { try folder.write($0.name, $0.bytes) }
    }

    private var tensors: [(name: String, shape: [Int])] {
        let width = hidden / heads * keyValueHeads
        var list = [("token_embd.weight", [256 + controls.count, hidden]), ("output_norm.weight", [hidden])]
        for layer in 0..<layers {
            let block = "blk.\(layer)."
            list += [
                (block + "attn_norm.weight", [hidden]), (block + "ffn_norm.weight", [hidden]),
                (block + "attn_q.weight", [hidden, hidden]), (block + "attn_k.weight", [width, hidden]),
                (block + "attn_v.weight", [width, hidden]), (block + "attn_output.weight", [hidden, hidden]),
                (block + "ffn_gate.weight", [intermediate, hidden]), (block + "ffn_up.weight", [intermediate, hidden]),
                (block + "ffn_down.weight", [hidden, intermediate]),
            ]
        }
        return list
    }

    private var pairs: [(String, Value)] {
        var pairs: [(String, Value)] = [
            ("general.architecture", .text("llama")), ("llama.block_count", .natural(UInt32(layers))),
            ("llama.context_length", .natural(64)), ("llama.embedding_length", .natural(UInt32(hidden))),
            ("llama.feed_forward_length", .natural(UInt32(intermediate))),
            ("llama.attention.head_count", .natural(UInt32(heads))),
            ("llama.attention.head_count_kv", .natural(UInt32(keyValueHeads))),
            ("llama.attention.layer_norm_rms_epsilon", .number(1e-5)), ("tokenizer.ggml.model", .text("gpt2")),
            ("tokenizer.ggml.pre", .text("gpt-2")),
            ("tokenizer.ggml.tokens", .texts((0..<256).map(TinyGGUF.letter) + controls)),
            (
                "tokenizer.ggml.token_type",
                .integers([Int32](repeating: 1, count: 256) + [Int32](repeating: 3, count: controls.count))
            ),
            ("tokenizer.ggml.merges", .texts([])),
            ("tokenizer.ggml.bos_token_id", .natural(UInt32(TinyGGUF.begin))),
            ("tokenizer.ggml.eos_token_id", .natural(UInt32(TinyGGUF.end))),
        ]
        for (name, value) in keys {
            pairs.removeAll { $0.0 == name }
            pairs.append((name, value))
        }
        return pairs
    }

    /// The letter that byte-level BPE writes a byte as.
    private static func letter(_ byte: Int) -> String {
        let plain = [33...126, 161...172, 174...255]
        if plain.contains(where: { $0.contains(byte) }) { return String(Unicode.Scalar(UInt8(byte))) }
        let others = (0..<256).filter { other in !plain.contains { $0.contains(other) } }
        let place = others.firstIndex(of: byte) ?? 0
        return Unicode.Scalar(UInt32(256 + place)).map(String.init) ?? ""
    }

    // MARK: Bytes

    private func file(_ pairs: [(String, Value)], _ tensors: [(name: String, shape: [Int])]) -> [UInt8] {
        var header = Array("GGUF".utf8) + littleEndian(UInt32(3)) + littleEndian(UInt64(tensors.count))
        header += littleEndian(UInt64(pairs.count))
        for (name, value) in pairs { header += string(name) + encoded(value) }
        var data: [UInt8] = []
        for tensor in tensors {
            while data.count % 32 != 0 { data.append(0) }
            header += string(tensor.name) + littleEndian(UInt32(tensor.shape.count))
            header += tensor.shape.reversed().flatMap { littleEndian(UInt64($0)) }
            header += littleEndian(UInt32(0)) + littleEndian(UInt64(data.count))
            data += values(tensor).flatMap { littleEndian($0.bitPattern) }
        }
        while header.count % 32 != 0 { header.append(0) }
        return header + data
    }

    private func values(_ tensor: (name: String, shape: [Int])) -> [Float] {
        var generator = SplitMix64(seed: tensor.name.utf8.reduce(1) { $0 &* 31 &+ UInt64($1) })
        var values = (0..<tensor.shape.reduce(1, *)).map { _ in
            let uniform = Float(generator.next() >> 40) * 0x1p-24
            return tensor.name.contains("norm") ? 0.5 + uniform : (uniform - 0.5) * 1.2
        }
        edit(tensor.name, &values)
        return values
    }

    private func encoded(_ value: Value) -> [UInt8] {
        func array(_ type: UInt32, _ count: Int, _ items: [UInt8]) -> [UInt8] {
            littleEndian(UInt32(9)) + littleEndian(type) + littleEndian(UInt64(count)) + items
        }
        switch value {
        case .natural(let value): return littleEndian(UInt32(4)) + littleEndian(value)
        case .small(let value): return littleEndian(UInt32(2)) + littleEndian(value)
        case .number(let value): return littleEndian(UInt32(6)) + littleEndian(value.bitPattern)
        case .flag(let value): return littleEndian(UInt32(7)) + [value ? 1 : 0]
        case .text(let text): return littleEndian(UInt32(8)) + string(text)
        case .texts(let texts): return array(8, texts.count, texts.flatMap(string))
        case .integers(let values): return array(5, values.count, values.flatMap { littleEndian($0) })
        }
    }

    private func string(_ text: String) -> [UInt8] { littleEndian(UInt64(text.utf8.count)) + Array(text.utf8) }

    private func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}
