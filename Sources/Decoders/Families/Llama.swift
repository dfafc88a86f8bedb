import Faults

extension Family {
    /// Llama 1 to 3, SmolLM, TinyLlama and others of their kind.
    public static let llama = Family(
        "llama", defaults: Defaults(contextLength: 2048), reads: ["attention_bias", "mlp_bias"]
    ) { (reader) throws(Fault) in
        var biased: Set<LinearName> = []
        if try reader.keys.flag("attention_bias", default: false) { biased.formUnion([.q, .k, .v, .o]) }
        if try reader.keys.flag("mlp_bias", default: false) { biased.formUnion([.gate, .up, .down]) }
        let rotary = try reader.rotary()
        let windows = try reader.windows(.none, family: "llama")
        return try .llama(reader, rotary: rotary, windows: windows, biased: biased)
    }
}
