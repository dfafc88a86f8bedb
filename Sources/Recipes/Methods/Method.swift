/// What a method says of itself to those who read recipes, flags and help: its name, what it takes and what it needs.
///
/// What it does with a block is a `PruningMethod`'s, in the module Pruning, which knows tensors.
public struct Method: Sendable, Equatable {
    /// As recipes and flags have it.
    public let name: String
    /// Told by what works on the blocks; weights unless that says so.
    public var removes = Removal.weights
    /// Whether it cannot work without calibration text.
    public let needsCalibration: Bool
    public let presets: [Preset]
    /// What a method that optimises within a block takes of a recipe's `regional` keys, by preset, with the values of
    /// those that a recipe leaves out. A key whose value is nil here is not taken.
    public let regional: [Preset: PruneSettings.RegionalSettings]
    /// Presets under which channels change places before a K:M pattern chooses, and which do where nobody says.
    public let moves: [Preset: ChannelMoves]

    /// What goes of a model.
    public enum Removal: Sendable, Equatable {
        /// Single weights, which become zeros in a pattern.
        case weights
        /// Attention heads and neurons, each layer as much as a search found that it can bear.
        case units
    }

    public init(
        _ name: String, needsCalibration: Bool = true, presets: [Preset] = Preset.allCases,
        regional: [Preset: PruneSettings.RegionalSettings] = [:], moves: [Preset: ChannelMoves] = [:]
    ) {
        self.name = name
        self.needsCalibration = needsCalibration
        self.presets = presets
        self.regional = regional
        self.moves = moves
    }
}
