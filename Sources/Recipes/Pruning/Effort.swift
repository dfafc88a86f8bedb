import Settings

/// How long a search may take.
public enum Effort: String, OptionWord {
    case quick
    case `default`
    /// The default's search, and training of the whole model at the end.
    case best
    /// As published: nothing but evolution from uniform, coarse to fine.
    case paper

    public static let noun = "effort"
}
