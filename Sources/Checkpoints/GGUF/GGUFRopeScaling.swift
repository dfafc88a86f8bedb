import Faults
import JSONText

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The `rope_scaling` that a GGUF file implies.
///
/// Llama 3.1 and later are converted with one factor per rotary frequency (a tensor) and without the parameters that
/// made them. The parameters are recovered by trying the published ones and comparing; anything else is refused.
enum GGUFRopeScaling {
    static let tensorName = "rope_freqs.weight"

    static func make(
        _ file: GGUFParts, _ shape: GGUFArchitecture, warnings: inout [String]
    ) throws(Fault) -> JSONValue {
        let metadata = file.metadata
        let prefix = "\(shape.family.name).rope."
        let typeKey = prefix + "scaling.type"
        let (key, factor) = try self.factor(metadata, prefix, warnings: &warnings)
        var scaling = JSONValue.null
        // Without a type the factor is that of a linear scaling.
        switch try metadata.string(typeKey) ?? "linear" {
        case "none":
            if factor != 1 {
                warnings.append("\(file.path): \(key) is \(factor), but there is no \(typeKey); the factor is not used")
            }
        case "linear":
            if factor != 1 { scaling = .object(["rope_type": .string("linear"), "factor": .double(factor)]) }
        case "yarn":
            // With a factor of 1 it interpolates nothing and scales nothing.
            if factor != 1 { scaling = try yarn(metadata, prefix, factor: factor, context: shape.context) }
        case let type:
            throw Fault(
                .badData, "the rotary scaling '\(type)' is not supported", file: file.path,
                place: "key '\(typeKey)'", found: type, expected: "none, linear, yarn, or Llama 3's factors",
                advice: "use the model's Hugging Face folder instead")
        }
        guard let entry = file.entries.first(where: { $0.name == tensorName }) else { return scaling }
        let factors = try fromFactors(file, entry, shape)
        guard factors.isNull || scaling.isNull else {
            throw Fault(
                .badData, "rotary factors together with another scaling are not supported", file: file.path,
                place: "key '\(key)'", found: "\(factor) beside tensor '\(tensorName)'", expected: "one of the two")
        }
        return factors.isNull ? scaling : factors
    }

    /// YaRN. How far angles are scaled follows from the factor, in the format's runtimes as in transformers.
    private static func yarn(
        _ metadata: GGUFMetadata, _ prefix: String, factor: Double, context: Int
    ) throws(Fault) -> JSONValue {
        func positive(_ name: String, _ standard: Double) throws(Fault) -> Double {
            let key = prefix + "scaling." + name
            guard let value = try metadata.number(key) else { return standard }
            guard value > 0 else {
                throw Fault(
                    .badData, "a value of the rotary scaling is impossible", file: metadata.file, place: "key '\(key)'",
                    found: "\(value)", expected: "a positive number")
            }
            return value
        }
        let original = try positive("original_context_length", Double(context))
        return .object([
            "rope_type": .string("yarn"), "factor": .double(factor),
            "original_max_position_embeddings": .integer(Int(min(original, Double(Int32.max)))),
            "beta_fast": .double(try positive("yarn_beta_fast", 32)),
            "beta_slow": .double(try positive("yarn_beta_slow", 1)),
        ])
    }

    /// What positions are divided by, and the key that says so; 0, which some converters write, means 1.
    ///
    /// Files of 2023 have it under another name. Where both are there, the newer one counts.
    private static func factor(
        _ metadata: GGUFMetadata, _ prefix: String, warnings: inout [String]
    ) throws(Fault) -> (key: String, factor: Double) {
        var found: [(key: String, factor: Double)] = []
        for key in [prefix + "scaling.factor", prefix + "scale_linear"] {
            guard let value = try metadata.number(key) else { continue }
            guard value == 0 || value >= 1 else {
                throw Fault(
                    .badData, "the factor of the rotary scaling is impossible", file: metadata.file,
                    place: "key '\(key)'", found: "\(value)", expected: "a number of at least 1")
            }
            found.append((key, value == 0 ? 1 : value))
        }
        guard let first = found.first else { return (prefix + "scaling.factor", 1) }
        if let other = found.dropFirst().first(where: { $0.factor != first.factor }) {
            warnings.append(
                "\(metadata.file): \(other.key) is \(other.factor), but \(first.key) is \(first.factor), which is used")
        }
        return first
    }

    private static func fromFactors(
        _ file: GGUFParts, _ entry: GGUFFile.Entry, _ shape: GGUFArchitecture
    ) throws(Fault) -> JSONValue {
        guard entry.count == shape.headSize / 2, entry.type == .f32 else {
            throw Fault(
                .badData, "the rotary factors have an unexpected form", file: file.path,
                place: "tensor '\(tensorName)'",
                found: "\(entry.type.name) \(entry.shape)", expected: "F32 [\(shape.headSize / 2)]")
        }
        let factors: [Float] = try Checkpoint.filled(entry.count) { (buffer) throws(Fault) in
            try file.read(entry, from: 0, into: buffer)
        }
        if factors.allSatisfy({ $0 == 1 }) { return .null }
        let factor = Double(factors.max() ?? 1)
        let fits = { (context: Int) in
            let expected = llama3Factors(
                theta: shape.ropeTheta, size: shape.headSize, factor: factor, context: Double(context))
            return zip(factors, expected).allSatisfy { abs(Double($0) - $1) <= 1e-4 * $1 }
        }
        // The published context first, then the others that models are trained with.
        guard let context = ([8192] + (9...18).map { 1 << $0 }).first(where: fits) else {
            throw Fault(
                .badData, "the rotary factors are not those of Llama 3", file: file.path,
                place: "tensor '\(tensorName)'", found: "factors up to \(factor)",
                expected: "low_freq_factor 1, high_freq_factor 4, an original context of a power of two",
                advice: "use the model's Hugging Face folder instead")
        }
        return .object([
            "factor": .double(factor), "low_freq_factor": .double(1), "high_freq_factor": .double(4),
            "original_max_position_embeddings": .integer(context), "rope_type": .string("llama3"),
        ])
    }

    /// Llama 3's division of each rotary frequency, with its published bounds.
    static func llama3Factors(theta: Double, size: Int, factor: Double, context: Double = 8192) -> [Double] {
        let (low, high) = (1.0, 4.0)
        return stride(from: 0, to: size, by: 2).map { index in
            let wavelength = 2 * Double.pi * pow(theta, Double(index) / Double(size))
            if wavelength < context / high { return 1 }
            if wavelength > context / low { return factor }
            let smooth = (context / wavelength - low) / (high - low)
            return 1 / ((1 - smooth) / factor + smooth)
        }
    }
}
