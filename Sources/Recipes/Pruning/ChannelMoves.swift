import Settings

/// Which channels of a model may change places before a K:M pattern chooses among neighbours.
public enum ChannelMoves: String, OptionWord {
    case none
    /// Neurons and the channels of values, where all that writes or reads them is pruned.
    case blocks
    /// Those of the residual stream, too: embeddings, norms and output matrix change their order with them.
    case all

    public static let noun = "moves of channels"
}
