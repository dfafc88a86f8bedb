import Settings

/// How a pruned model is stored for the software that opens it.
public enum ServingLayout: String, OptionWord {
    /// The folder as it is published, where all layers are alike.
    case plain
    /// A GGUF file: the family's architecture, or "deci" where layers differ.
    case gguf
    /// A folder with `block_configs`, as NVIDIA's nemotron-nas models have them.
    case deci
    /// A folder with code of its own.
    case transformers
    /// A folder of the plain family, every layer with zeros up to the widest.
    case padded

    public static let noun = "layout"
}
