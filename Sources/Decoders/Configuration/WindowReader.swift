import Checkpoints
import Faults
import JSONText

/// Reads which layers see a window of positions only, family by family as transformers 5 has it.
struct WindowReader {
    enum Rule: Equatable {
        /// Every layer sees everything, whatever the configuration says.
        case none
        /// Every layer has a window: that of the configuration, or this one where it does not mention it.
        case always(default: Int)
        /// With `use_sliding_window` alone, and then from layer `max_window_layers` on, or this one.
        case switched(default: Int, from: Int)
        /// All layers but each nth, n of `sliding_window_pattern` or this.
        case pattern(default: Int, period: Int)

        /// Of a configuration that does not mention the window.
        fileprivate var window: Int? {
            switch self {
            case .none: nil
            case .always(let window), .switched(let window, _), .pattern(let window, _): window
            }
        }
        fileprivate var isSwitched: Bool { if case .switched = self { true } else { false } }
    }

    private let reader: ConfigurationReader
    private let rule: Rule
    private let family: String
    private let layers: Int
    private(set) var notes: [String] = []

    /// - Parameter family: its name, for messages.
    init(_ reader: ConfigurationReader, _ rule: Rule, family: String, layers: Int) {
        self.reader = reader
        self.rule = rule
        self.family = family
        self.layers = layers
    }

    /// How many positions a token sees, itself included, in each layer; nil is all before it.
    mutating func read() throws(Fault) -> [Int?] {
        var sliding = try slidingLayers()
        if sliding == nil { sliding = try patternLayers() }
        let window = try window()
        if let sliding {
            guard window != nil || !sliding.contains(true) else {
                throw reader.fault(
                    "layer_types", found: "sliding_attention without a sliding window",
                    expected: rule == .none
                        ? "full_attention in every layer of \(family)" : "a sliding_window that is in use")
            }
            return sliding.map { $0 ? window : nil }
        }
        var full = 0.0
        if case .switched(_, let from) = rule {
            full = try reader.number("max_window_layers", default: Double(from))
        }
        return (0..<layers).map { Double($0) >= full ? window : nil }
    }

    private mutating func window() throws(Fault) -> Int? {
        guard let standard = rule.window else {
            if reader.has("sliding_window") { note("sliding_window has no effect in \(family)") }
            return nil
        }
        let isUsed = try reader.flag("use_sliding_window", default: !rule.isSwitched)
        if rule.isSwitched, !isUsed { return nil }
        // A null switches the window off; where the key is not there at all the family has one.
        if reader.isNull("sliding_window") {
            // Without one transformers cannot run a family whose layers are of two kinds.
            guard case .pattern = rule else { return nil }
            throw reader.fault("sliding_window", found: "null", expected: "a number of positions")
        }
        if !isUsed { note("use_sliding_window has no effect in \(family); the window is used") }
        return try reader.positive("sliding_window", default: standard)
    }

    /// From the family's pattern; nil where it has none.
    private func patternLayers() throws(Fault) -> [Bool]? {
        guard case .pattern(_, let period) = rule else { return nil }
        let every = try reader.positive("sliding_window_pattern", default: period)
        return (0..<layers).map { ($0 + 1) % every != 0 }
    }

    /// From `layer_types`; nil where the configuration has none.
    private func slidingLayers() throws(Fault) -> [Bool]? {
        guard let value = reader.value("layer_types") else { return nil }
        guard let types = value.arrayValue else {
            throw reader.fault("layer_types", found: value.shown, expected: "a list, one entry for each layer")
        }
        guard types.count == layers else {
            throw reader.fault(
                "layer_types", found: "\(types.count) entries", expected: "\(layers), one for each layer")
        }
        var sliding: [Bool] = []
        for type in types {
            switch type.stringValue {
            case "full_attention", "attention": sliding.append(false)
            case "sliding_attention": sliding.append(true)
            default:
                throw reader.fault(
                    "layer_types", found: "\(type.shown) for layer \(sliding.count)",
                    expected: "full_attention or sliding_attention")
            }
        }
        return sliding
    }

    private mutating func note(_ text: String) { notes.append("\(reader.file): \(text)") }
}
