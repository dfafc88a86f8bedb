import Faults
import JSONText

/// Typed access to the keys of a `config.json`, every complaint with the key's path.
struct ConfigurationReader {
    private let json: JSONObject
    private let file: String
    private let prefix: String

    init(_ json: JSONObject, file: String, prefix: String = "") {
        self.json = json
        self.file = file
        self.prefix = prefix
    }

    func fault(_ key: String, found: String, expected: String, advice: String? = nil) -> Fault {
        Fault(
            .badData, "the model's configuration cannot be used", file: file, place: "key '\(prefix)\(key)'",
            found: found, expected: expected, advice: advice)
    }

    private func value(_ key: String) -> JSONValue? {
        guard let value = json[key], !value.isNull else { return nil }
        return value
    }

    func has(_ key: String) -> Bool { value(key) != nil }

    /// Far beyond every model; products of such sizes do not overflow.
    static let widest = 1 << 20
    static let deepest = 1 << 10

    /// A size that may be nothing.
    func natural(_ key: String) throws(Fault) -> Int {
        guard let value = value(key), let integer = value.integerValue, integer >= 0,
            integer <= ConfigurationReader.widest
        else {
            throw fault(
                key, found: value(key)?.kindName ?? "nothing",
                expected: "a whole number from 0 to \(ConfigurationReader.widest)")
        }
        return integer
    }

    func object(_ key: String) throws(Fault) -> JSONObject {
        guard let object = value(key)?.objectValue else {
            throw fault(key, found: value(key)?.kindName ?? "nothing", expected: "an object")
        }
        return object
    }

    func objects(_ key: String) throws(Fault) -> [JSONObject] {
        guard let items = value(key)?.arrayValue else {
            throw fault(key, found: value(key)?.kindName ?? "nothing", expected: "a list of objects")
        }
        var objects: [JSONObject] = []
        for item in items {
            guard let object = item.objectValue else {
                throw fault(key, found: "\(item.kindName) at place \(objects.count)", expected: "a list of objects")
            }
            objects.append(object)
        }
        return objects
    }

    func text(_ key: String) -> String? { value(key)?.stringValue }

    /// Sizes beyond a limit are typing mistakes or attacks, and their products would overflow.
    func positive(
        _ key: String, default fallback: Int? = nil, atMost limit: Int = Int(Int32.max)
    ) throws(Fault) -> Int {
        guard let value = value(key) else {
            if let fallback { return fallback }
            throw fault(key, found: "nothing", expected: "a positive integer")
        }
        guard let integer = value.integerValue, integer > 0, integer <= limit else {
            throw fault(key, found: value.kindName, expected: "a positive integer up to \(limit)")
        }
        return integer
    }

    func number(_ key: String, default fallback: Double? = nil) throws(Fault) -> Double {
        guard let value = value(key) else {
            if let fallback { return fallback }
            throw fault(key, found: "nothing", expected: "a number")
        }
        guard let number = value.doubleValue, number.isFinite else {
            throw fault(key, found: value.kindName, expected: "a finite number")
        }
        return number
    }

    func flag(_ key: String, default fallback: Bool) throws(Fault) -> Bool {
        guard let value = value(key) else { return fallback }
        guard let flag = value.boolValue else { throw fault(key, found: value.kindName, expected: "true or false") }
        return flag
    }

    func expect(_ key: String, _ expected: String, default fallback: String) throws(Fault) {
        let found = value(key)?.stringValue ?? (value(key) == nil ? fallback : value(key)?.kindName ?? "")
        guard found == expected else { throw fault(key, found: found, expected: expected) }
    }

    func family(_ key: String = "model_type") throws(Fault) -> Family {
        let known = Family.allCases.map(\.rawValue).joined(separator: ", ")
        guard let name = value(key)?.stringValue else {
            throw fault(key, found: value(key)?.kindName ?? "nothing", expected: "one of \(known)")
        }
        guard let family = Family(rawValue: name) else {
            throw fault(
                key, found: "the string \"\(name.prefix(60))\"", expected: "one of \(known)",
                advice: "use a model of one of these families; nearest name: \(nearest(name))")
        }
        return family
    }

    private func nearest(_ name: String) -> String {
        // The longest shared start decides: family names differ in their endings (qwen2_moe, llama4).
        let scored = Family.allCases.map { ($0.rawValue, $0.rawValue.commonPrefix(with: name.lowercased()).count) }
        return scored.max { $0.1 < $1.1 }?.0 ?? ""
    }

    /// `rope_theta` and `rope_scaling`, or both in `rope_parameters` as newer files have it.
    func rotary() throws(Fault) -> RotaryConfiguration {
        var theta = try number("rope_theta", default: Family.llama.defaultTheta)
        var key = "rope_scaling"
        if let parameters = value("rope_parameters") {
            guard let object = parameters.objectValue else {
                throw fault("rope_parameters", found: parameters.kindName, expected: "an object")
            }
            key = "rope_parameters"
            theta = try ConfigurationReader(object, file: file, prefix: "rope_parameters.")
                .number("rope_theta", default: theta)
        }
        guard theta > 0 else { throw fault("rope_theta", found: "\(theta)", expected: "a positive number") }
        let partial = try number("partial_rotary_factor", default: 1)
        guard partial == 1 else { throw fault("partial_rotary_factor", found: "\(partial)", expected: "1") }
        return RotaryConfiguration(theta: theta, scaling: try scaling(key))
    }

    private func scaling(_ key: String) throws(Fault) -> RotaryConfiguration.Scaling {
        guard let value = value(key) else { return .none }
        guard let object = value.objectValue else { throw fault(key, found: value.kindName, expected: "an object") }
        let inner = ConfigurationReader(object, file: file, prefix: "\(prefix)\(key).")
        let typeKey = inner.has("rope_type") ? "rope_type" : "type"
        switch inner.value(typeKey)?.stringValue ?? "default" {
        case "default": return .none
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
                originalContext: Double(try inner.positive("original_max_position_embeddings")))
        case let other:
            throw inner.fault(
                typeKey, found: "the string \"\(other.prefix(60))\"", expected: "default, linear or llama3")
        }
    }

    private func factor() throws(Fault) -> Double {
        let factor = try number("factor")
        guard factor >= 1 else { throw fault("factor", found: "\(factor)", expected: "a number of at least 1") }
        return factor
    }

    func windows(family: Family, layers: Int) throws(Fault) -> [Int?] {
        let none = [Int?](repeating: nil, count: layers)
        guard family.hasWindow, has("sliding_window") else { return none }
        if family.hasOptionalWindow, try !flag("use_sliding_window", default: false) { return none }
        let window = try positive("sliding_window")
        if let types = value("layer_types")?.arrayValue {
            guard types.count == layers else {
                throw fault("layer_types", found: "\(types.count) entries", expected: "\(layers), one for each layer")
            }
            return types.map { $0.stringValue == "sliding_attention" ? window : nil }
        }
        let full = family.hasOptionalWindow ? try number("max_window_layers", default: 28) : 0
        return (0..<layers).map { Double($0) >= full ? window : nil }
    }
}

extension String {
    fileprivate func commonPrefix(with other: String) -> Substring {
        prefix(zip(self, other).prefix { $0 == $1 }.count)
    }
}
