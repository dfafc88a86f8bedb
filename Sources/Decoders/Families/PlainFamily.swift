import Checkpoints
import JSONText

/// Under which family's name transformers opens a plain model of fewer heads.
///
/// Since version 5 its configuration of Llama refuses heads whose number does not divide the hidden size, although
/// `head_dim` is there and nothing is computed from the quotient; vLLM reads configurations by transformers. Mistral's
/// configuration has no such check, and without a window and without biases its layers are Llama's.
public enum PlainFamily {
    /// Families with the check.
    private static let checked: Set<String> = ["llama", "gemma3_text"]

    /// Whether a model with so many heads opens under its own family's name.
    public static func opens(_ family: Family, hidden: Int, heads: Int) -> Bool {
        !checked.contains(family.name) || heads == 0 || hidden.isMultiple(of: heads)
    }

    /// Whether `edits` make a model of the family one that opens.
    public static func hasOtherName(_ configuration: DecoderConfiguration) -> Bool {
        configuration.family.name == "llama" && configuration.blueprint.layers.allSatisfy(\.biased.isEmpty)
    }

    /// What makes a Llama without biases a Mistral that computes the same.
    public static let edits = [
        ConfigurationEdit("model_type", value: .string("mistral")),
        ConfigurationEdit("architectures", value: .array([.string("MistralForCausalLM")])),
        ConfigurationEdit("sliding_window", value: .null),
    ]
}
