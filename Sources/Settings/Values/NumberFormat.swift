/// The element type of tensors: of products (`dtype`), of the hidden stream, or of what is written.
public enum NumberFormat: String, OptionWord {
    /// For products: bfloat16 where the processor has it, else float32. For the output: the source's.
    case auto
    case float32
    case bfloat16
    case float16

    public static let noun = "number format"
}
