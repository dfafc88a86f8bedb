import Checkpoints
import Decoders
import Faults
import Structure
import Torch

/// Pruned weights of a sub-layer at several levels in a safetensors file: which stay as bits, and those that stay as bfloat16,
/// which is enough to rank candidates. Level 0 is the dense sub-layer, which the model itself holds.
///
/// Of projection p at level i there are `i.p.kept` (bytes, the first weight in the lowest bit) and `i.p.values`.
enum SparseCandidateFile {
    static func name(_ subLayer: SubLayer) -> String { "allocation-\(subLayer.name).safetensors" }

    /// - Parameter weights: [rows, columns], zero where removed.
    static func tensors(
        level: Int, _ name: ProjectionName, weights: Tensor
    ) -> [(tensor: TensorDescription, bytes: [UInt8])] {
        let dense = weights.to(.bfloat16).to(.cpu).contiguous().bytes()
        var kept = [UInt8](repeating: 0, count: (weights.count + 7) / 8)
        var values: [UInt8] = []
        values.reserveCapacity(dense.count / 2)
        dense.withUnsafeBufferPointer { bytes in
            for index in 0..<bytes.count / 2 where bytes[2 * index] | bytes[2 * index + 1] != 0 {
                kept[index / 8] |= 1 << UInt8(index % 8)
                values.append(bytes[2 * index])
                values.append(bytes[2 * index + 1])
            }
        }
        let prefix = "\(level).\(name.rawValue)"
        return [
            (TensorDescription(name: prefix + ".kept", shape: [kept.count], type: .u8), kept),
            (TensorDescription(name: prefix + ".values", shape: [values.count / 2], type: .bf16), values),
        ]
    }

    /// The weights of a projection at a level, bfloat16.
    ///
    /// - Parameter shape: [rows, columns]
    static func weights(
        _ file: SafetensorsFile, level: Int, _ name: ProjectionName, shape: [Int]
    ) throws(Fault) -> Tensor {
        let prefix = "\(level).\(name.rawValue)"
        let kept = try file.bytes(prefix + ".kept")
        let values = try file.bytes(prefix + ".values")
        let tensor = Tensor.empty(shape, .bfloat16)
        let isWhole = tensor.withMutableBytes { (bytes) -> Bool in
            guard kept.count == (bytes.count / 2 + 7) / 8 else { return false }
            return kept.withUnsafeBufferPointer { kept in
                values.withUnsafeBufferPointer { values in
                    var next = 0
                    for index in 0..<bytes.count / 2 {
                        let isKept = kept[index / 8] >> UInt8(index % 8) & 1 == 1
                        guard !isKept || next + 1 < values.count else { return false }
                        bytes[2 * index] = isKept ? values[next] : 0
                        bytes[2 * index + 1] = isKept ? values[next + 1] : 0
                        if isKept { next += 2 }
                    }
                    return next == values.count
                }
            }
        }
        guard isWhole else {
            throw Fault(
                .badData, "a candidate of the allocation is damaged", place: prefix,
                advice: "start the run again with --overwrite")
        }
        return tensor
    }
}
