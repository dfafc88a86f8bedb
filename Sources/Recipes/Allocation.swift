/// How the sparsity is divided among the blocks.
public enum Allocation: String, OptionWord {
    /// Every block gets the same.
    case uniform
    /// Blocks with more outliers keep more weights (Yin et al. 2023).
    case owl
    /// Every sub-layer gets what a search for the smallest KL to the dense model found.
    case search

    public static let noun = "allocation"
}
