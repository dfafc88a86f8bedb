import Faults

/// The sizes of the model in a GGUF file, from its metadata, for the architectures that are supported.
struct GGUFArchitecture: Sendable {
    var family: GGUFFamily
    var layers: Int
    var hidden: Int
    /// Of every layer.
    var shapes: [Shape]
    var headSize: Int
    var context: Int
    var epsilon: Double
    var ropeTheta: Double

    /// A layer's sizes; zero for a half that is not there.
    struct Shape: Equatable, Sendable {
        var heads: Int
        var keyValueHeads: Int
        var intermediate: Int
    }

    /// Whether all layers have one shape, with both halves.
    var isUniform: Bool { shapes.allSatisfy { $0 == shapes[0] } && shapes[0].heads > 0 && shapes[0].intermediate > 0 }

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
        context = try size("context_length", atMost: Int(Int32.max))
        let layers = layers
        func sizes(_ suffix: String) throws(Fault) -> [Int]? {
            guard family.isRagged, let value = metadata["\(name).\(suffix)"], value.isArray else {
                return try optional(suffix).map { [Int](repeating: $0, count: layers) }
            }
            let list = try metadata.integers("\(name).\(suffix)") ?? []
            guard list.count == layers, list.allSatisfy((0...GGUFArchitecture.widest).contains) else {
                throw wrong(
                    "sizes by layer in the GGUF metadata are impossible", suffix,
                    found: "\(list.count) numbers, \(list.min() ?? 0) to \(list.max() ?? 0)",
                    expected: "\(layers) numbers from 0 to \(GGUFArchitecture.widest)")
            }
            return list
        }
        let widths = try metadata.required("\(name).feed_forward_length", try sizes("feed_forward_length"))
        let heads = try metadata.required("\(name).attention.head_count", try sizes("attention.head_count"))
        let keyValueHeads = try sizes("attention.head_count_kv") ?? heads
        shapes = try (0..<layers).map { (layer) throws(Fault) in
            let (all, groups) = (heads[layer], keyValueHeads[layer])
            guard groups == 0 ? all == 0 : all > 0 && all % groups == 0 else {
                throw wrong(
                    groups == 0
                        ? "attention that is replaced by a linear layer is not supported"
                        : "the attention heads cannot be divided among the key-value heads",
                    "attention.head_count_kv", found: "\(groups) with \(all) attention heads",
                    expected: "a divisor of attention.head_count")
            }
            return Shape(heads: all, keyValueHeads: groups, intermediate: widths[layer])
        }
        let most = heads.max() ?? 0
        guard most > 0 else {
            throw wrong(
                "no layer has attention", "attention.head_count", found: "0 heads", expected: "a layer with a head")
        }
        headSize = try optional("attention.key_length") ?? hidden / most
        guard headSize > 0, headSize % 2 == 0, most * headSize <= GGUFArchitecture.widest else {
            throw wrong(
                "the size of a head is impossible", "attention.key_length",
                found: "\(headSize) for each of \(most) heads", expected: "an even number")
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
