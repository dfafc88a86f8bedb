import Checkpoints
import Faults
import Torch

/// What a family's file reads a configuration with.
struct BlueprintReader {
    let keys: ConfigurationReader
    let layerCount: Int
    let hiddenSize: Int
    let headDimension: Int
    let contextLength: Int
    private(set) var notes: [String] = []

    init(
        _ keys: ConfigurationReader, layerCount: Int, hiddenSize: Int, headDimension: Int, contextLength: Int
    ) {
        self.keys = keys
        self.layerCount = layerCount
        self.hiddenSize = hiddenSize
        self.headDimension = headDimension
        self.contextLength = contextLength
    }

    /// 1 / √(head dimension), the scale of most families' attention.
    var usualScale: Double { 1 / Double(headDimension).squareRoot() }

    mutating func note(_ text: String) { notes.append("\(keys.file): \(text)") }

    /// The rotary embedding of a family whose layers all have the same.
    mutating func rotary() throws(Fault) -> RotaryConfiguration {
        var rotary = RotaryReader(keys, contextLength: contextLength)
        defer { notes += rotary.notes }
        return try rotary.read()
    }

    /// That of one of several kinds of layers.
    ///
    /// - Parameters:
    ///   - kind: as `layer_types` and `rope_parameters` name it.
    ///   - thetaKey: outside of `rope_parameters`.
    ///   - takesScaling: whether `rope_scaling` is about this kind.
    mutating func rotary(
        kind: String, thetaKey: String, defaultTheta: Double, takesScaling: Bool
    ) throws(Fault) -> RotaryConfiguration {
        var rotary = RotaryReader(
            keys, contextLength: contextLength, thetaKey: thetaKey, defaultTheta: defaultTheta)
        defer { notes += rotary.notes }
        return try rotary.read(kind: kind, takesScaling: takesScaling)
    }

    /// How many positions a token sees, itself included, in each layer; nil is all before it.
    mutating func windows(_ rule: WindowReader.Rule, family: String) throws(Fault) -> [Int?] {
        var windows = WindowReader(keys, rule, family: family, layers: layerCount)
        defer { notes += windows.notes }
        return try windows.read()
    }

    /// SiLU under either of its names.
    func silu() throws(Fault) -> Activation {
        try activation("hidden_act", ["silu": .silu, "swish": .silu], default: .silu, expected: "silu")
    }

    func activation(
        _ key: String, _ names: [String: Activation], default fallback: Activation, expected: String
    ) throws(Fault) -> Activation {
        guard let value = keys.value(key) else { return fallback }
        guard let activation = value.stringValue.flatMap({ names[$0] }) else {
            throw keys.fault(key, found: value.shown, expected: expected)
        }
        return activation
    }
}
