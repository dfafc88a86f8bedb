import Faults

extension Family {
    /// Qwen 2 and 2.5: Llama with biases on q, k and v.
    public static let qwen2 = Family(
        "qwen2", defaults: Defaults(contextLength: 32_768, keyValueHeads: 32), reads: ["attention_bias"]
    ) { (reader) throws(Fault) in
        let rotary = try reader.rotary()
        let windows = try reader.windows(.switched(default: 4096, from: 28), family: "qwen2")
        if let value = reader.keys.value("attention_bias"), value.boolValue != true {
            reader.note("attention_bias has no effect in qwen2, whose q, k and v have biases")
        }
        return try .llama(reader, rotary: rotary, windows: windows, biased: [.q, .k, .v])
    }
}
