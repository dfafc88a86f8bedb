extension Mutator {
    /// Changes the header as JSON and, mostly, the length before it with it; or the data after it.
    mutating func changedSafetensors(_ input: [UInt8]) -> [UInt8] {
        guard input.count > 8 else { return changedBytes(input) }
        let length = Mutator.number(input, at: 0, width: 8)
        guard length <= UInt64(input.count - 8) else { return changedBytes(input) }
        let header = Array(input[8..<8 + Int(length)])
        let data = Array(input[(8 + Int(length))...])
        if below(6) == 0 {
            let other = below(2) == 0 ? Array(data.prefix(below(data.count + 1))) : data + Array(data.prefix(9))
            return Array(input.prefix(8 + Int(length))) + other
        }
        let changed = changedJSON(header)
        let told = below(8) == 0 ? any(Mutator.integers) : UInt64(changed.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: told >> UInt64(8 * $0)) } + changed + data
    }

    /// Changes counts, lengths, types, sizes, offsets or texts of a GGUF file where they stand.
    mutating func changedGGUF(_ input: [UInt8]) -> [UInt8] {
        let fields = GGUFFields.of(input)
        guard !fields.isEmpty else { return changedBytes(input) }
        let field = any(fields)
        var bytes = input
        switch field {
        case .number(let at, let width):
            let old = Mutator.number(bytes, at: at, width: width)
            let number = below(3) == 0 ? any([old &+ 1, old &- 1, old &* 2, old ^ 1]) : any(Mutator.integers)
            for index in 0..<width { bytes[at + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index)) }
        case .text(let range):
            // The length of the text stands in the eight bytes before it.
            let text = below(3) == 0 ? Array(any(Mutator.names).utf8) : changedBytes(Array(bytes[range]))
            bytes.replaceSubrange(range, with: text)
            for index in 0..<8 {
                bytes[range.lowerBound - 8 + index] = UInt8(truncatingIfNeeded: UInt64(text.count) >> UInt64(8 * index))
            }
        }
        return bytes
    }

    static func number(_ bytes: [UInt8], at: Int, width: Int) -> UInt64 {
        (0..<width).reduce(UInt64(0)) { $0 | UInt64(bytes[at + $1]) << UInt64(8 * $1) }
    }

    private static let names = [
        "general.architecture", "general.alignment", "llama.block_count", "llama.rope.freq_base",
        "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.merges", "tokenizer.ggml.bos_token_id",
        "rope_freqs.weight", "token_embd.weight", "output.weight", "blk.0.attn_q.weight", "split.count", "split.no", "",
        "gpt2", "llama", "qwen2", "\u{1B}[31m", "../x", "a\nb",
    ]
}

/// Where the fields of a GGUF file stand, as far as it can be read.
enum GGUFFields {
    case number(Int, width: Int)
    case text(Range<Int>)

    static func of(_ bytes: [UInt8]) -> [GGUFFields] {
        var scan = GGUFScan(bytes: bytes)
        scan.run()
        return scan.fields
    }
}

private struct GGUFScan {
    let bytes: [UInt8]
    var fields: [GGUFFields] = []
    var at = 4

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func run() {
        guard number(4) != nil, let tensors = number(8), let pairs = number(8) else { return }
        for _ in 0..<min(pairs, 4096) {
            guard text(), let type = number(4), value(type, depth: 0) else { return }
        }
        for _ in 0..<min(tensors, 4096) {
            guard text(), let rank = number(4) else { return }
            for _ in 0..<min(rank, 8) where number(8) == nil { return }
            guard number(4) != nil, number(8) != nil else { return }
        }
    }

    private mutating func number(_ width: Int) -> UInt64? {
        guard at + width <= bytes.count else { return nil }
        fields.append(.number(at, width: width))
        defer { at += width }
        return Mutator.number(bytes, at: at, width: width)
    }

    private mutating func text() -> Bool {
        guard let length = number(8), length <= UInt64(bytes.count - at) else { return false }
        fields.append(.text(at..<at + Int(length)))
        at += Int(length)
        return true
    }

    private mutating func value(_ type: UInt64, depth: Int) -> Bool {
        switch type {
        case 0, 1, 7: return number(1) != nil
        case 2, 3: return number(2) != nil
        case 4, 5, 6: return number(4) != nil
        case 10, 11, 12: return number(8) != nil
        case 8: return text()
        case 9:
            guard depth < 4, let inner = number(4), let count = number(8) else { return false }
            for _ in 0..<min(count, 4096) where !value(inner, depth: depth + 1) { return false }
            return true
        default: return false
        }
    }
}
