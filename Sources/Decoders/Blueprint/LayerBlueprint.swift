import Torch

/// What one decoder layer computes, apart from how many heads and neurons it has (`LayerShape`).
///
/// Everything that goes over a layer's parts asks it: the tensors that a checkpoint must have, reading, the forward
/// pass, compaction, counts. A family makes blueprints from a configuration; nothing else knows what family it is.
public struct LayerBlueprint: Hashable, Sendable {
    /// The norms that the layer has, in the order in which its tensors are listed.
    public var norms: [Norm]
    public var attention: Attention
    public var feedForward: FeedForward
    /// Linears that have a bias.
    public var biased: Set<LinearName>

    public init(norms: [Norm], attention: Attention, feedForward: FeedForward, biased: Set<LinearName> = []) {
        self.norms = norms
        self.attention = attention
        self.feedForward = feedForward
        self.biased = biased
    }

    /// Causal attention with grouped keys.
    public struct Attention: Hashable, Sendable {
        public var rotary: RotaryConfiguration
        /// How many positions a token sees, itself included; nil is all before it.
        public var window: Int?
        /// What the products of queries and keys are multiplied by.
        public var scale: Double
        /// c in c · tanh(p / c), which the scaled products p go through before the softmax.
        public var softCap: Double?

        public init(rotary: RotaryConfiguration, window: Int? = nil, scale: Double, softCap: Double? = nil) {
            self.rotary = rotary
            self.window = window
            self.scale = scale
            self.softCap = softCap
        }
    }

    public enum FeedForward: Hashable, Sendable {
        /// down(activation(gate x) · up x)
        case gated(Activation)
        /// Several gated ones; each token goes through some of them.
        case experts(Experts)
    }

    /// Gated feed-forward parts side by side. A router gives every one of them a share by a softmax over all; a token
    /// goes through those with the largest.
    public struct Experts: Hashable, Sendable {
        public var count: Int
        /// Experts that a token goes through.
        public var chosen: Int
        public var activation: Activation
        /// Whether the shares of those are scaled to a sum of one.
        public var sumsToOne: Bool
        /// The router, [count, hidden]: inside a layer of a Hugging Face checkpoint, without `.weight`.
        public var router: String

        public init(
            count: Int, chosen: Int, activation: Activation, sumsToOne: Bool, router: String = "mlp.gate"
        ) {
            precondition(chosen > 0 && chosen <= count, "a token goes through one expert at the least")
            (self.count, self.chosen, self.activation) = (count, chosen, activation)
            (self.sumsToOne, self.router) = (sumsToOne, router)
        }

        /// The full name of the router's weight in a checkpoint.
        public func routerName(layer: Int) -> String { "model.layers.\(layer).\(router).weight" }
    }

    /// The linears, in the order in which a forward pass meets them.
    public var linears: [LinearName] {
        switch feedForward {
        case .gated: [.q, .k, .v, .o, .gate, .up, .down]
        case .experts(let experts): [.q, .k, .v, .o] + (0..<experts.count).flatMap(LinearName.expert)
        }
    }

    /// The same by what they read, in the same order.
    public var projections: [ProjectionName] {
        var names: [ProjectionName] = []
        for linear in linears where names.last != linear.projection { names.append(linear.projection) }
        return names
    }

    /// What its feed-forward part is a mixture of, if it is one.
    public var experts: Experts? { if case .experts(let experts) = feedForward { experts } else { nil } }

    /// The norm at a place, if there is one.
    public func norm(_ place: Norm.Place) -> Norm? { norms.first { $0.place == place } }
}

/// An RMS norm of a layer.
public struct Norm: Hashable, Sendable {
    public enum Place: Hashable, Sendable {
        /// On what attention reads.
        case attentionInput
        /// On every head of the queries and of the keys, before the rotation.
        case query, key
        /// On what attention gives, before it is added to the stream.
        case attentionOutput
        case feedForwardInput, feedForwardOutput

        var isAttention: Bool { self != .feedForwardInput && self != .feedForwardOutput }
        /// Whether it stands between the stream and the first product of a sub-layer.
        var isInput: Bool { self == .attentionInput || self == .feedForwardInput }
        var isHead: Bool { self == .query || self == .key }
    }

    /// What the normalised values are multiplied by.
    public enum Gain: Hashable, Sendable {
        case weight
        case onePlusWeight
    }

    public var place: Place
    /// Inside a layer of a Hugging Face checkpoint, without `.weight`.
    public var name: String
    public var gain: Gain

    public init(_ place: Place, _ name: String, gain: Gain = .weight) {
        self.place = place
        self.name = name
        self.gain = gain
    }

    /// The full name of the weight in a checkpoint.
    public func weightName(layer: Int) -> String { "model.layers.\(layer).\(name).weight" }
}
