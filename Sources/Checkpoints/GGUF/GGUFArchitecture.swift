import Faults

/// The sizes of the model in a GGUF file, from its metadata, for the architectures that are supported.
struct GGUFArchitecture: Sendable {
    var family: GGUFFamily
    var layers: Int
    var hidden: Int
    var intermediate: Int
    var heads: Int
    var keyValueHeads: Int
    var headSize: Int
    var context: Int
    var epsilon: Double
    var ropeTheta: Double

    /// Far beyond every model; products of such sizes do not overflow.
    private static let widest = 1 << 20
    private static let deepest = 1 << 10

    init(_ file: GGUFParts) throws(Fault) {
        let metadata = file.metadata
        let key = "general.architecture"
        let name = try metadata.required(key, try metadata.string(key))
        guard let family = GGUFFamily.all.first(where: { $0.name == name }) else {
            throw Fault(
                .badData, "the architecture '\(name)' is not supported in a GGUF file", file: file.path,
                place: "key '\(key)'", found: name,
                expected: GGUFFamily.all.map(\.name).joined(separator: ", "))
        }
        self.family = family
        func wrong(_ summary: String, _ suffix: String, found: String, expected: String) -> Fault {
            Fault(
                .badData, summary, file: file.path, place: "key '\(name).\(suffix)'", found: found,
                expected: expected)
        }
        func optional(_ suffix: String, atMost limit: Int = GGUFArchitecture.widest) throws(Fault) -> Int? {
            let key = "\(name).\(suffix)"
            if let value = metadata[key], value.isArray {
                throw wrong(
                    "a size that differs from layer to layer is not supported", suffix, found: value.kindName,
                    expected: "one integer")
            }
            guard let size = try metadata.integer(key) else { return nil }
            guard size > 0, size <= limit else {
                throw wrong(
                    "a size in the GGUF metadata is impossible", suffix, found: "\(size)",
                    expected: "a positive number up to \(limit)")
            }
            return size
        }
        func size(_ suffix: String, atMost limit: Int = GGUFArchitecture.widest) throws(Fault) -> Int {
            try metadata.required("\(name).\(suffix)", try optional(suffix, atMost: limit))
        }
        if let experts = try metadata.integer("\(name).expert_count"), experts > 0 {
            throw Fault(
                .badData, "mixtures of experts are not supported", file: file.path, place: "key '\(name).expert_count'",
                found: "\(experts) experts")
        }
        layers = try size("block_count", atMost: GGUFArchitecture.deepest)
        hidden = try size("embedding_length")
        intermediate = try size("feed_forward_length")
        context = try size("context_length", atMost: Int(Int32.max))
        heads = try size("attention.head_count")
        keyValueHeads = try optional("attention.head_count_kv") ?? heads
        guard heads % keyValueHeads == 0 else {
            throw wrong(
                "the attention heads cannot be divided among the key-value heads", "attention.head_count_kv",
                found: "\(keyValueHeads) with \(heads) attention heads", expected: "a divisor of attention.head_count")
        }
        headSize = try optional("attention.key_length") ?? hidden / heads
        guard headSize > 0, headSize % 2 == 0, heads * headSize <= GGUFArchitecture.widest else {
            throw wrong(
                "the size of a head is impossible", "attention.key_length",
                found: "\(headSize) for each of \(heads) heads", expected: "an even number")
        }
        if let value = try optional("attention.value_length"), value != headSize {
            throw wrong(
                "heads with other values than keys are not supported", "attention.value_length", found: "\(value)",
                expected: "\(headSize)")
        }
        if let rotary = try optional("rope.dimension_count"), rotary != headSize {
            throw wrong(
                "a rotary embedding of a part of the head is not supported", "rope.dimension_count",
                found: "\(rotary)", expected: "\(headSize)")
        }
        let epsilonKey = "attention.layer_norm_rms_epsilon"
        epsilon = try metadata.required("\(name).\(epsilonKey)", try metadata.number("\(name).\(epsilonKey)"))
        guard epsilon >= 0, epsilon < 1 else {
            throw wrong(
                "a value in the GGUF metadata is impossible", epsilonKey, found: "\(epsilon)",
                expected: "a small positive number")
        }
        ropeTheta = try metadata.number("\(name).rope.freq_base") ?? 10000
        guard ropeTheta > 0 else {
            throw wrong(
                "a value in the GGUF metadata is impossible", "rope.freq_base", found: "\(ropeTheta)",
                expected: "a positive number")
        }
    }
}
