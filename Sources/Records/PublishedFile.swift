/// Names of the files that stand beside a published model's weights.
public enum PublishedFile {
    /// The model's configuration.
    public static let configuration = "config.json"
    /// What the run found: `ReportKey`.
    public static let report = "report.json"
    /// What the run was asked for.
    public static let recipe = "recipe.yaml"
    /// The model card.
    public static let card = "README.md"
    /// Every file's digest, written last.
    public static let completion = "COMPLETE.json"
}
