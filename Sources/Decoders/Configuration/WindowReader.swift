import Faults
import JSONText

/// Reads which layers see a window of positions only, family by family as transformers 5 has it.
struct WindowReader {
    private let reader: ConfigurationReader
    private let family: Family
    private let layers: Int
    private(set) var notes: [String] = []

    init(_ reader: ConfigurationReader, family: Family, layers: Int) {
        self.reader = reader
        self.family = family
        self.layers = layers
    }

    /// How many positions a token sees, itself included, in each layer; nil is all before it.
    mutating func read() throws(Fault) -> [Int?] {
        let sliding = try slidingLayers()
        let window = try window()
        if let sliding {
            guard window != nil || !sliding.contains(true) else {
                throw reader.fault(
                    "layer_types", found: "sliding_attention without a sliding window",
                    expected: family.hasWindow
                        ? "a sliding_window that is in use" : "full_attention in every layer of \(family.rawValue)")
            }
            return sliding.map { $0 ? window : nil }
        }
        let full = family.hasOptionalWindow ? try reader.number("max_window_layers", default: 28) : 0
        return (0..<layers).map { Double($0) >= full ? window : nil }
    }

    private mutating func window() throws(Fault) -> Int? {
        guard family.hasWindow else {
            if reader.has("sliding_window") { note("sliding_window counts for nothing in \(family.rawValue)") }
            return nil
        }
        let isUsed = try reader.flag("use_sliding_window", default: !family.hasOptionalWindow)
        if family.hasOptionalWindow, !isUsed { return nil }
        // A null switches the window off; where the key is not there at all the family has one.
        if reader.isNull("sliding_window") { return nil }
        if !isUsed { note("use_sliding_window counts for nothing in \(family.rawValue); the window is used") }
        return try reader.positive("sliding_window", default: Family.defaultWindow)
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
