import Settings

/// How long a search may take.
public enum Effort: String, OptionWord {
    case quick
    case `default`
    /// As published: nothing but evolution from uniform, coarse to fine.
    case paper

    public static let noun = "effort"
}
