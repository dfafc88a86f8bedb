import Settings

/// What recovery makes small.
public enum LossChoice: String, OptionWord {
    /// The divergence from the teacher's predictions.
    case kl
    /// The surprise at the text itself.
    case lm
    /// Both, alike.
    case both = "kl+lm"

    public static let noun = "loss"

    public var needsTeacher: Bool { self != .lm }
}

/// Whose turns of conversations the loss counts. Texts without turns count in any case.
public enum CountedTurns: String, OptionWord {
    case all
    /// What the assistant says, with the token that ends its turn.
    case assistant

    public static let noun = "choice of turns"
}

/// What of a model's blocks recovery trains.
public enum TrainedPart: String, OptionWord {
    /// All weights, biases and norms; a weight that is zero stays zero.
    case all
    /// Biases and norms alone.
    case norms
    /// Adapters of low rank on the linears, which are merged in the end.
    case lora

    public static let noun = "part to train"

    /// What moves, in a sentence.
    public var phrase: String {
        switch self {
        case .all: "all weights of the blocks"
        case .norms: "norms and biases"
        case .lora: "adapters of low rank"
        }
    }
}

/// How the learning rate falls after its rise.
public enum RateDecay: String, OptionWord {
    case cosine, linear, constant

    public static let noun = "decay of the learning rate"
}

/// What becomes of adapters in the end.
public enum AdapterMerge: String, OptionWord {
    /// Added to the weights; what was pruned stays zero.
    case masked
    /// Added to weights without zeros that would have to stay.
    case plain
    /// Written by themselves, for PEFT.
    case none

    public static let noun = "merge"
}

/// Blocks of which a pass keeps only the input, to compute the rest again on the way back.
public enum Checkpointing: String, OptionWord {
    /// As many as memory asks for.
    case auto
    case all
    case none

    public static let noun = "checkpointing"
}
