/// How long a structural search may take.
public enum Effort: String, OptionWord {
    case quick
    case `default`

    public static let noun = "effort"
}
