import Checkpoints
import Decoders
import Faults
import Torch

/// The pruned weights of a block in a safetensors file: which stay as bits, and those that stay as bfloat16, which is
/// enough to tell what they cost.
///
/// Of projection p there are `p.kept` (bytes, the first weight in the lowest bit) and `p.values`.
enum SparseCandidateFile {
    static func name(_ layer: Int) -> String {
        let digits = String(layer)
        return "allocation-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".safetensors"
    }

    static func tensors(_ block: Block) -> [(tensor: TensorDescription, bytes: [UInt8])] {
        block.projections.flatMap { tensors($0, weights: block[$0].weight) }
    }

    /// - Parameter weights: [rows, columns], zero where removed.
    static func tensors(_ name: ProjectionName, weights: Tensor) -> [(tensor: TensorDescription, bytes: [UInt8])] {
        guard weights.count > 0 else { return [] }
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
        let prefix = name.rawValue
        return [
            (TensorDescription(name: prefix + ".kept", shape: [kept.count], type: .u8), kept),
            (TensorDescription(name: prefix + ".values", shape: [values.count / 2], type: .bf16), values),
        ]
    }

    /// The weights of a projection, bfloat16.
    ///
    /// - Parameter shape: [rows, columns]
    static func weights(
        _ file: SafetensorsFile, _ name: ProjectionName, shape: [Int]
    ) throws(Fault) -> Tensor {
        let prefix = name.rawValue
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
