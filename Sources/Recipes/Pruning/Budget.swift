import Settings

/// What a structural search counts as removed.
public enum Budget: String, OptionWord {
    /// Parameters of the blocks' linears, biases included.
    case parameters
    /// Bytes of the whole written model, embeddings and norms included.
    case bytes
    /// Bytes of the key-value cache for a token.
    case keyValueCache = "kv-cache"
    /// Time of a forward pass through all blocks, from a table measured on the machine of the run.
    case latency

    public static let noun = "budget"
}
