import Faults

extension Family {
    /// Qwen 3's dense models: Llama with norms on every head's query and key.
    public static let qwen3 = Family(
        "qwen3", defaults: Defaults(contextLength: 32_768, keyValueHeads: 32, headDimension: 128),
        reads: ["attention_bias"]
    ) { (reader) throws(Fault) in
        let hasBias = try reader.keys.flag("attention_bias", default: false)
        let rotary = try reader.rotary()
        let windows = try reader.windows(.switched(default: 4096, from: 28), family: "qwen3")
        return try .llama(
            reader, rotary: rotary, windows: windows, normsHeads: true, biased: hasBias ? [.q, .k, .v, .o] : [])
    }
}
