import Faults

extension Family {
    /// Llama with a window in every layer.
    public static let mistral = Family(
        "mistral", defaults: Defaults(contextLength: 131_072, keyValueHeads: 8)
    ) { (reader) throws(Fault) in
        let rotary = try reader.rotary()
        let windows = try reader.windows(.always(default: 4096), family: "mistral")
        return try .llama(reader, rotary: rotary, windows: windows)
    }
}
