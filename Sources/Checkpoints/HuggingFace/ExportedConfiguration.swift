import Faults
import JSONText
import Records

/// The `config.json` of folders that are written for other software, as this program keeps a model whose layers differ:
/// `model_type` "espalier", and an object of that name with the shapes.
///
/// A "nemotron-nas" folder, which vLLM, SGLang and mlx-lm open, has an entry of `block_configs` for each layer. Llama's
/// layers are computed, each with its number of key-value heads and its width, or without one of its halves. What else
/// an entry can ask for is refused.
package enum ExportedConfiguration {
    private static let nemotron = "nemotron-nas"

    /// The configuration without what is there for other software alone; any other as it is.
    ///
    /// - Throws: `badData` for an entry of `block_configs` that asks for something that is not computed.
    package static func plain(_ json: JSONObject, file: String) throws(Fault) -> JSONObject {
        var plain = json
        if isOwnCode(json) { plain["auto_map"] = nil }
        let reader = ConfigurationReader(json, file: file)
        guard reader.text("model_type") == nemotron else { return plain }
        let heads = try reader.positive("num_attention_heads", atMost: ConfigurationReader.widest)
        let hidden = try reader.positive("hidden_size", atMost: ConfigurationReader.widest)
        var layers: [JSONValue] = []
        var (mostGroups, widest) = (1, 1)
        for block in try reader.objects("block_configs") {
            let inner = ConfigurationReader(block, file: file, prefix: "block_configs[\(layers.count)].")
            let groups = try keyValueHeads(try inner.inner("attention"), heads: heads)
            let width = try width(try inner.inner("ffn"), hidden: hidden)
            (mostGroups, widest) = (max(mostGroups, groups), max(widest, width))
            layers.append(
                .object([
                    "num_attention_heads": .integer(groups > 0 ? heads : 0), "num_key_value_heads": .integer(groups),
                    "intermediate_size": .integer(width),
                ]))
        }
        let family = "llama"
        for key in ["auto_map", "block_configs"] { plain[key] = nil }
        plain["model_type"] = .string("espalier")
        plain["architectures"] = .array([.string("EspalierForCausalLM")])
        // Its own makers leave them empty: every layer has its own.
        if !reader.has("num_key_value_heads") { plain["num_key_value_heads"] = .integer(mostGroups) }
        if !reader.has("intermediate_size") { plain["intermediate_size"] = .integer(widest) }
        plain["espalier"] = .object([
            "version": .integer(1), "base_model_type": .string(family), "layers": .array(layers),
        ])
        return plain
    }

    /// Whether the code that the configuration names is what exports bring along.
    package static func isOwnCode(_ json: JSONObject) -> Bool {
        guard let map = json["auto_map"]?.objectValue else { return false }
        let modules = PublishedFile.code.map { $0.dropLast("py".count) }
        return map.members.allSatisfy { member in
            member.value.stringValue.map { text in modules.contains { text.hasPrefix($0) } } ?? false
        }
    }

    /// Zero for a layer without attention.
    private static func keyValueHeads(_ reader: ConfigurationReader, heads: Int) throws(Fault) -> Int {
        try refuseOthers(reader, known: ["no_op", "n_heads_in_group"])
        if try reader.flag("no_op", default: false) { return 0 }
        let size = try reader.positive("n_heads_in_group", atMost: ConfigurationReader.widest)
        guard heads % size == 0 else {
            throw reader.fault(
                "n_heads_in_group", found: "\(size) with \(heads) attention heads",
                expected: "a divisor of num_attention_heads")
        }
        return heads / size
    }

    /// Zero for a layer without MLP.
    private static func width(_ reader: ConfigurationReader, hidden: Int) throws(Fault) -> Int {
        try refuseOthers(reader, known: ["no_op", "ffn_mult", "intermediate_size", "hidden_act"])
        if try reader.flag("no_op", default: false) { return 0 }
        if let activation = try reader.optionalText("hidden_act"), activation != "silu" {
            throw reader.fault("hidden_act", found: "the string \"\(activation.prefix(60))\"", expected: "silu")
        }
        guard let factor = try reader.positiveNumber("ffn_mult") else {
            return try reader.positive("intermediate_size", atMost: ConfigurationReader.widest)
        }
        let width = 2 * factor * Double(hidden) / 3
        guard width < Double(ConfigurationReader.widest) else {
            throw reader.fault(
                "ffn_mult", found: "\(factor)", expected: "a width of at most \(ConfigurationReader.widest)")
        }
        let rounded = DeciWidth.of(factor: factor, hidden: hidden)
        let told = try reader.optionalInteger("intermediate_size")
        guard told == nil || told == rounded else {
            throw reader.fault(
                "intermediate_size", found: "\(told ?? 0)", expected: "\(rounded), as ffn_mult says, or nothing")
        }
        return rounded
    }

    /// Switches of an entry: nothing, false and zero leave everything as it is.
    private static func refuseOthers(_ reader: ConfigurationReader, known: [String]) throws(Fault) {
        for key in reader.keys where !known.contains(key) {
            guard let value = reader.value(key) else { continue }
            let isNothing =
                value.boolValue.map { !$0 } ?? value.doubleValue.map { $0 == 0 } ?? value.arrayValue?.isEmpty
                ?? value.objectValue?.isEmpty ?? false
            guard isNothing else {
                throw reader.fault(
                    key, found: value.shown, expected: "nothing",
                    advice: "layers of Llama with fewer key-value heads, another width or without a half are computed; "
                        + "use a model without this")
            }
        }
    }
}

/// How the nemotron-nas format says the width of an MLP by a factor.
package enum DeciWidth {
    /// Widths are multiples of it.
    package static let multiple = 256

    /// 2/3 · factor · hidden, cut to a whole number and rounded up to a multiple.
    package static func of(factor: Double, hidden: Int) -> Int {
        let whole = max(0, Int(2 * factor * Double(hidden) / 3))
        return (whole + multiple - 1) / multiple * multiple
    }

    /// A factor for a width that is a multiple, in the middle of those that are rounded up to it: rounding it to six
    /// digits, as mlx-lm does, changes nothing.
    package static func factor(width: Int, hidden: Int) -> Double {
        let middle = 1.5 * (Double(width) - Double(multiple) / 2) / Double(hidden)
        return (middle * 1e6).rounded() / 1e6
    }
}
