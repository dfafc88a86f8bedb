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

    static func make(_ file: GGUFFile, _ shape: GGUFArchitecture) throws(Fault) -> JSONValue {
        let prefix = "\(shape.family.rawValue).rope.scaling"
        let type = try file.metadata.string("\(prefix).type") ?? "none"
        if let entry = file.entries.first(where: { $0.name == tensorName }) {
            return try fromFactors(file, entry, shape)
        }
        switch type {
        case "none": return .null
        case "linear":
            let factor = try file.metadata.required("\(prefix).factor", try file.metadata.number("\(prefix).factor"))
            return .object(["rope_type": .string("linear"), "factor": .double(factor)])
        default:
            throw Fault(
                .badData, "the rotary scaling '\(type)' is not supported", file: file.path,
                place: "key '\(prefix).type'", found: type, expected: "none, linear, or Llama 3's factors")
        }
    }

    private static func fromFactors(
        _ file: GGUFFile, _ entry: GGUFFile.Entry, _ shape: GGUFArchitecture
    ) throws(Fault) -> JSONValue {
        guard entry.count == shape.headSize / 2, entry.type == .f32 else {
            throw Fault(
                .badData, "the rotary factors have an unexpected form", file: file.path,
                place: "tensor '\(tensorName)'",
                found: "\(entry.type.name) \(entry.shape)", expected: "F32 [\(shape.headSize / 2)]")
        }
        var factors = [Float](repeating: 0, count: entry.count)
        var fault: Fault?
        factors.withUnsafeMutableBufferPointer { buffer in
            do throws(Fault) { try file.read(entry, from: 0, into: buffer) } catch { fault = error }
        }
        if let fault { throw fault }
        if factors.allSatisfy({ $0 == 1 }) { return .null }
        let factor = Double(factors.max() ?? 1)
        let expected = llama3Factors(theta: shape.ropeTheta, size: shape.headSize, factor: factor)
        guard zip(factors, expected).allSatisfy({ abs(Double($0) - $1) <= 1e-4 * $1 }) else {
            throw Fault(
                .badData, "the rotary factors are not those of Llama 3", file: file.path,
                place: "tensor '\(tensorName)'", found: "factors up to \(factor)",
                expected: "low_freq_factor 1, high_freq_factor 4, original context 8192",
                advice: "use the model's Hugging Face folder instead")
        }
        return .object([
            "factor": .double(factor), "low_freq_factor": .double(1), "high_freq_factor": .double(4),
            "original_max_position_embeddings": .integer(8192), "rope_type": .string("llama3"),
        ])
    }

    /// Llama 3's division of each rotary frequency, with its published bounds.
    static func llama3Factors(theta: Double, size: Int, factor: Double) -> [Double] {
        let (low, high, context) = (1.0, 4.0, 8192.0)
        return stride(from: 0, to: size, by: 2).map { index in
            let wavelength = 2 * Double.pi * pow(theta, Double(index) / Double(size))
            if wavelength < context / high { return 1 }
            if wavelength > context / low { return factor }
            let smooth = (context / wavelength - low) / (high - low)
            return 1 / ((1 - smooth) / factor + smooth)
        }
    }
}
