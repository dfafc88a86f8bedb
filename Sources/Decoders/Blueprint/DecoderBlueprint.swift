/// What a decoder computes, apart from its sizes.
public struct DecoderBlueprint: Equatable, Sendable {
    public var layers: [LayerBlueprint]
    /// What embeddings are multiplied by before the first block.
    public var embeddingScale = 1.0
    public var finalNorm = Norm.Gain.weight
    /// c in c · tanh(l / c), which the logits l go through.
    public var logitSoftCap: Double?

    public init(layers: [LayerBlueprint]) { self.layers = layers }
}
