import Faults

/// The sizes of the model in a GGUF file, from its metadata, for the architectures that are supported.
struct GGUFArchitecture: Sendable {
    enum Family: String, CaseIterable {
        /// Llama 1 to 3, Mistral, SmolLM, TinyLlama: the converter stores them all under this name.
        case llama
        case qwen2
        case qwen3

        var huggingFaceClass: String {
            switch self {
            case .llama: "LlamaForCausalLM"
            case .qwen2: "Qwen2ForCausalLM"
            case .qwen3: "Qwen3ForCausalLM"
            }
        }

        /// Whether the converter interleaves the rows of q and k within each head.
        var permutesHeads: Bool { self == .llama }
    }

    var family: Family
    var layers: Int
    var hidden: Int
    var intermediate: Int
    var heads: Int
    var keyValueHeads: Int
    var headSize: Int
    var context: Int
    var epsilon: Double
    var ropeTheta: Double

    init(_ file: GGUFFile) throws(Fault) {
        let metadata = file.metadata
        let key = "general.architecture"
        let name = try metadata.required(key, try metadata.string(key))
        guard let family = Family(rawValue: name) else {
            throw Fault(
                .badData, "the architecture '\(name)' is not supported in a GGUF file", file: file.path,
                place: "key '\(key)'", found: name,
                expected: Family.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self.family = family
        func optional(_ suffix: String) throws(Fault) -> Int? {
            let key = "\(name).\(suffix)"
            if let value = metadata[key], value.elements != nil {
                throw Fault(
                    .badData, "a size that differs from layer to layer is not supported", file: file.path,
                    place: "key '\(key)'", found: value.kindName, expected: "one integer")
            }
            guard let size = try metadata.integer(key) else { return nil }
            guard size > 0, size <= 1 << 40 else {
                throw Fault(
                    .badData, "a size in the GGUF metadata is impossible", file: file.path, place: "key '\(key)'",
                    found: "\(size)", expected: "a positive number")
            }
            return size
        }
        func size(_ suffix: String) throws(Fault) -> Int {
            try metadata.required("\(name).\(suffix)", try optional(suffix))
        }
        if let experts = try metadata.integer("\(name).expert_count"), experts > 0 {
            throw Fault(
                .badData, "mixtures of experts are not supported", file: file.path, place: "key '\(name).expert_count'",
                found: "\(experts) experts")
        }
        layers = try size("block_count")
        hidden = try size("embedding_length")
        intermediate = try size("feed_forward_length")
        context = try size("context_length")
        heads = try size("attention.head_count")
        keyValueHeads = try optional("attention.head_count_kv") ?? heads
        headSize = try optional("attention.key_length") ?? hidden / heads
        if let value = try optional("attention.value_length"), value != headSize {
            throw Fault(
                .badData, "heads with other values than keys are not supported", file: file.path,
                place: "key '\(name).attention.value_length'", found: "\(value)", expected: "\(headSize)")
        }
        if let rotary = try optional("rope.dimension_count"), rotary != headSize {
            throw Fault(
                .badData, "a rotary embedding of a part of the head is not supported", file: file.path,
                place: "key '\(name).rope.dimension_count'", found: "\(rotary)", expected: "\(headSize)")
        }
        let epsilonKey = "\(name).attention.layer_norm_rms_epsilon"
        epsilon = try metadata.required(epsilonKey, try metadata.number(epsilonKey))
        ropeTheta = try metadata.number("\(name).rope.freq_base") ?? 10000
    }
}
