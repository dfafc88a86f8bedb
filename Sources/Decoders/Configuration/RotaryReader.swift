import Checkpoints
import Faults
import JSONText

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads the rotary embedding of a `config.json`, with the precedence that transformers 5 gives to its many places.
///
/// `rope_scaling`, the old name of the object, wins over `rope_parameters` as a whole; within the object `rope_theta`
/// wins over the key of the same name outside, but outside `original_max_position_embeddings` wins. Where two places
/// differ the notes say so. A key that no reader of these families knows is refused: it stands for a rotation that is
/// not computed here.
struct RotaryReader {
    private let outer: ConfigurationReader
    private let contextLength: Int
    /// The key outside of the object, and what is taken where neither says.
    private let thetaKey: String
    private let defaultTheta: Double
    private(set) var notes: [String] = []

    init(
        _ reader: ConfigurationReader, contextLength: Int, thetaKey: String = "rope_theta",
        defaultTheta: Double = 10_000
    ) {
        outer = reader
        self.contextLength = contextLength
        self.thetaKey = thetaKey
        self.defaultTheta = defaultTheta
    }

    /// Keys that some type of scaling knows, and the types that read them; an empty list is all.
    private static let keys: [(key: String, types: [String])] = [
        ("rope_type", []), ("type", []), ("rope_theta", []), ("partial_rotary_factor", []),
        ("factor", ["linear", "llama3", "yarn"]), ("low_freq_factor", ["llama3"]), ("high_freq_factor", ["llama3"]),
        ("original_max_position_embeddings", ["llama3", "yarn"]), ("attention_factor", ["yarn"]),
        ("beta_fast", ["yarn"]), ("beta_slow", ["yarn"]), ("mscale", ["yarn"]), ("mscale_all_dim", ["yarn"]),
        ("truncate", ["yarn"]), ("short_factor", []), ("long_factor", []), ("finetuned", []),
    ]
    private static let names = ["rope_scaling", "rope_parameters"]

    mutating func read() throws(Fault) -> RotaryConfiguration {
        try checkPartial(outer)
        var used: (name: String, value: RotaryConfiguration)?
        for name in RotaryReader.names {
            // An empty object counts as absent.
            guard let object = try outer.optionalObject(name), !object.isEmpty else { continue }
            guard let winner = used else {
                used = (name, try read(try outer.inner(name), name))
                continue
            }
            // The other's faults do not matter, but that it says something else does.
            var silent = self
            let other = (try? outer.inner(name)).flatMap { inner in try? silent.read(inner, name) }
            if other != winner.value {
                note(
                    "\(winner.name) and \(name) describe different rotary embeddings; \(winner.name) counts, as in "
                        + "transformers 5")
            }
        }
        if let used { return used.value }
        return RotaryConfiguration(theta: try outer.positiveNumber(thetaKey) ?? defaultTheta, scaling: .none)
    }

    /// The embedding of one of several kinds of layers: `rope_parameters` has an object for each kind, and
    /// `rope_scaling`, an object for all, changes the keys of the kind that takes it, as transformers 5 has it.
    mutating func read(kind: String, takesScaling: Bool) throws(Fault) -> RotaryConfiguration {
        try checkPartial(outer)
        let kinds = ["full_attention", "sliding_attention"]
        var (object, name) = (JSONObject(), "rope_parameters.\(kind)")
        if let all = try outer.optionalObject("rope_parameters"), !all.isEmpty {
            let inner = try outer.inner("rope_parameters")
            for key in inner.keys where !kinds.contains(key) {
                throw inner.fault(
                    key, found: inner.value(key)?.shown ?? "null",
                    expected: "an object for each kind of layer: \(kinds.joined(separator: ", "))",
                    advice: "use the key full_attention for the rotary embedding of layers with full attention")
            }
            object = try inner.optionalObject(kind) ?? object
        }
        if takesScaling, let scaling = try outer.optionalObject("rope_scaling"), !scaling.isEmpty {
            let inner = try outer.inner("rope_scaling")
            // The old name of the type loses against the default type, and the scaling would be left out in silence.
            guard !inner.has("type") || inner.has("rope_type") else {
                throw inner.fault("type", found: inner.value("type")?.shown ?? "null", expected: "the key rope_type")
            }
            for (key, value) in scaling.members { object[key] = value }
            name = "rope_scaling"
        }
        return try read(outer.inner(object, named: name), name)
    }

    private mutating func read(_ inner: ConfigurationReader, _ name: String) throws(Fault) -> RotaryConfiguration {
        try checkPartial(inner)
        let type = try type(inner, name)
        try checkKeys(inner, name, type: type)
        let theta = try theta(inner, name)
        return RotaryConfiguration(theta: theta, scaling: try scaling(inner, name, type: type, theta: theta))
    }

    private mutating func note(_ text: String) { notes.append("\(outer.file): \(text)") }

    /// These families rotate whole heads; transformers passes over the key in some of them, other readers obey it.
    private func checkPartial(_ reader: ConfigurationReader) throws(Fault) {
        let partial = try reader.number("partial_rotary_factor", default: 1)
        guard partial == 1 else {
            throw reader.fault("partial_rotary_factor", found: "\(partial)", expected: "1")
        }
    }

    private mutating func type(_ inner: ConfigurationReader, _ name: String) throws(Fault) -> String {
        var found: [String] = []
        for key in ["rope_type", "type"] {
            guard let value = inner.value(key) else { continue }
            guard let type = value.stringValue else {
                throw inner.fault(key, found: value.shown, expected: "default, linear, llama3 or yarn")
            }
            found.append(type)
        }
        if found.count == 2, found[0] != found[1] {
            note("\(name).rope_type is \(found[0]) and \(name).type is \(found[1]); rope_type is used")
        }
        let type = found.first ?? "default"
        guard ["default", "linear", "llama3", "yarn"].contains(type) else {
            throw inner.fault(
                inner.has("rope_type") ? "rope_type" : "type", found: "the string \"\(type.prefix(60))\"",
                expected: "default, linear, llama3 or yarn",
                advice: "this rotary scaling is not supported; use a model without it")
        }
        return type
    }

    private mutating func checkKeys(
        _ inner: ConfigurationReader, _ name: String, type: String
    ) throws(Fault) {
        for key in inner.keys {
            guard let known = RotaryReader.keys.first(where: { $0.key == key }) else {
                let isNested = inner.value(key)?.objectValue != nil
                throw inner.fault(
                    key, found: inner.value(key)?.shown ?? "null",
                    expected: isNested
                        ? "one rotary embedding for all layers" : "a key that rotary scaling '\(type)' knows",
                    advice: isNested
                        ? "models whose layers rotate differently are not supported"
                        : "remove the key if it has no effect, or use another model")
            }
            let isRead =
                known.types.isEmpty ? !["short_factor", "long_factor"].contains(key) : known.types.contains(type)
            if !isRead { note("\(name).\(key) has no effect with rotary scaling '\(type)'") }
        }
    }

    private mutating func theta(_ inner: ConfigurationReader, _ name: String) throws(Fault) -> Double {
        guard let theta = try inner.positiveNumber("rope_theta") else {
            return try outer.positiveNumber(thetaKey) ?? defaultTheta
        }
        if let other = outer.value(thetaKey), other.doubleValue != theta {
            note(
                "\(thetaKey) is \(other.doubleValue.map { "\($0)" } ?? other.shown) outside of \(name) and "
                    + "\(theta) in it; the inner one is used, as in transformers 5")
        }
        return theta
    }

    private mutating func scaling(
        _ inner: ConfigurationReader, _ name: String, type: String, theta: Double
    ) throws(Fault) -> RotaryConfiguration.Scaling {
        switch type {
        case "linear": return .linear(factor: try inner.factor())
        case "llama3":
            let low = try inner.number("low_freq_factor")
            let high = try inner.number("high_freq_factor")
            guard low > 0, high > low else {
                throw inner.fault(
                    "high_freq_factor", found: "\(high) with low_freq_factor \(low)",
                    expected: "a number above a positive low_freq_factor")
            }
            return .llama3(
                factor: try inner.factor(), lowFrequency: low, highFrequency: high,
                originalContext: try originalContext(inner, name))
        case "yarn": return .yarn(try yarn(inner, name, theta: theta))
        default: return .none
        }
    }

    /// The length that the model was trained with: outside, inside, or else all positions.
    private mutating func originalContext(_ inner: ConfigurationReader, _ name: String) throws(Fault) -> Double {
        let key = "original_max_position_embeddings"
        let inside = try inner.positiveNumber(key)
        guard let outside = try outer.positiveNumber(key) else { return inside ?? Double(contextLength) }
        if let inside, inside != outside {
            note(
                "\(key) is \(outside) outside of \(name) and \(inside) in it; the outer one is used, as in "
                    + "transformers 5"
            )
        }
        return outside
    }

    private mutating func yarn(
        _ inner: ConfigurationReader, _ name: String, theta: Double
    ) throws(Fault) -> Yarn {
        let factor = try inner.factor()
        // A zero means the default, as it does in transformers.
        func number(_ key: String, _ fallback: Double) throws(Fault) -> Double {
            let value = try inner.number(key, default: 0)
            guard value >= 0 else { throw inner.fault(key, found: "\(value)", expected: "a positive number") }
            return value == 0 ? fallback : value
        }
        let (scale, allScale) = (try number("mscale", 0), try number("mscale_all_dim", 0))
        func magnitude(_ scale: Double) -> Double { factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1 }
        var attention = scale > 0 && allScale > 0 ? magnitude(scale) / magnitude(allScale) : magnitude(1)
        if inner.has("attention_factor") { attention = try inner.positiveNumber("attention_factor") ?? attention }
        guard theta > 1 else {
            throw inner.fault(
                "rope_theta", found: "\(theta)", expected: "a number above 1 for rotary scaling 'yarn'")
        }
        return Yarn(
            factor: factor, fastRotations: try number("beta_fast", 32), slowRotations: try number("beta_slow", 1),
            originalContext: try originalContext(inner, name), attention: attention,
            truncates: try inner.flag("truncate", default: true))
    }
}

extension ConfigurationReader {
    fileprivate func factor() throws(Fault) -> Double {
        let factor = try number("factor")
        guard factor >= 1 else { throw fault("factor", found: "\(factor)", expected: "a number of at least 1") }
        return factor
    }
}
