import Settings

/// Which set of choices a method follows where the user makes none.
public enum Preset: String, OptionWord {
    /// The best that was measured.
    case `default`
    /// As the method's paper has it.
    case paper

    public static let noun = "preset"
}
