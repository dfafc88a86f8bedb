/// Names of the files that stand beside a published model's weights.
public enum PublishedFile {
    /// The model's configuration.
    public static let configuration = "config.json"
    /// What the run found: `ReportKey`.
    public static let report = "report.json"
    /// What the run was asked for.
    public static let recipe = "recipe.yaml"
    /// What a recovery found, and what it was asked for.
    public static let recovery = "recovery.json"
    public static let recoveryRecipe = "recovery.yaml"
    /// Adapters that were not merged, in PEFT's layout.
    public static let adapter = "adapter_model.safetensors"
    public static let adapterConfiguration = "adapter_config.json"
    /// The model card.
    public static let card = "README.md"
    /// What other software runs to open an exported folder: the configuration's class of a "deci" folder, that and the
    /// model's of a "transformers" one.
    public static let deciCode = "configuration_deci.py"
    public static let configurationCode = "configuration_espalier.py"
    public static let modelCode = "modeling_espalier.py"
    public static let code = [deciCode, configurationCode, modelCode]
    /// Every file's digest, written last.
    public static let completion = "COMPLETE.json"
}
