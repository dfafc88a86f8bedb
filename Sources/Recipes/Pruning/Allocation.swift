import Settings

/// How the sparsity is divided among the linears.
public enum Allocation: String, OptionWord {
    /// Every block gets the same.
    case uniform
    /// Blocks with more outliers keep more weights (Yin et al. 2023).
    case owl
    /// Every linear gets what makes the KL to the dense model smallest, by what pruning it costs.
    case search

    public static let noun = "allocation"
}
