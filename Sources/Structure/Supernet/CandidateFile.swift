import Checkpoints
import Decoders
import Faults
import Torch

/// The candidates of a sub-layer in a safetensors file. Level 0 is the dense one, which the model itself holds; of
/// level i there are `i.weight` [hidden, columns], `i.query` and `i.key_value` (attention: the query heads by group,
/// and the groups) or `i.neurons`, int32; and `errors` [levels].
///
/// Weights are kept in the number type of the products that look at them, which see no other.
public enum CandidateFile {
    private static let types: [(stored: StoredType, dtype: DType)] = [
        (.f32, .float32), (.bf16, .bfloat16), (.f16, .float16),
    ]

    public static func name(_ subLayer: SubLayer) -> String { "supernet-\(subLayer.name).safetensors" }

    /// - Parameter dtype: of the weights: float32, bfloat16 or float16.
    public static func tensors(
        _ candidates: [Candidate], dtype: DType = .float32
    ) -> [(tensor: TensorDescription, bytes: [UInt8])] {
        var list: [(tensor: TensorDescription, bytes: [UInt8])] = []
        func add(_ name: String, _ ids: [Int]) {
            let values = ids.map { Int32($0).littleEndian }
            list.append(
                (TensorDescription(name: name, shape: [ids.count], type: .i32), values.withUnsafeBytes { Array($0) }))
        }
        let type = types.first { $0.dtype == dtype }?.stored ?? .f32
        for (level, candidate) in candidates.enumerated().dropFirst() {
            list.append(
                (
                    TensorDescription(name: "\(level).weight", shape: candidate.weight.shape, type: type),
                    candidate.weight.to(dtype).to(.cpu).contiguous().bytes()
                ))
            switch candidate.kept {
            case .heads(let groups):
                add("\(level).key_value", groups.map(\.keyValueHead))
                add("\(level).query", groups.flatMap(\.queryHeads))
            case .neurons(let neurons): add("\(level).neurons", neurons)
            }
        }
        let errors = candidates.map { Float($0.error).bitPattern.littleEndian }
        list.append(
            (TensorDescription(name: "errors", shape: [errors.count], type: .f32), errors.withUnsafeBytes { Array($0) })
        )
        return list
    }

    /// The shapes of a sub-layer's candidates, the dense one first, with everything that a file tells of them checked
    /// against the model: weights in their shape, and heads or neurons that there are, each once.
    ///
    /// - Throws: `badData` for a file that was not written for this sub-layer.
    public static func shapes(
        _ file: SafetensorsFile, _ subLayer: SubLayer, _ configuration: DecoderConfiguration
    ) throws(Fault) -> [LayerShape] {
        let dense = configuration.layers[subLayer.layer]
        func wrong(_ name: String, _ found: TensorDescription?, expected: String) -> Fault {
            Fault(
                .badData, "a candidate of the supernet does not match the model", file: file.path,
                place: "tensor '\(name)'", found: found.map { "\($0.type.rawValue) \($0.shape)" } ?? "no such tensor",
                expected: expected, advice: "start the run again with --overwrite")
        }
        func ids(_ name: String, below limit: Int) throws(Fault) -> [Int] {
            guard let tensor = file.tensor(name), tensor.type == .i32, tensor.shape.count == 1, tensor.count <= limit
            else { throw wrong(name, file.tensor(name), expected: "I32, at most \(limit) numbers") }
            let bytes = try file.bytes(name)
            let ids = (0..<tensor.count).map { place in
                bytes.withUnsafeBytes {
                    Int(Int32(littleEndian: $0.loadUnaligned(fromByteOffset: 4 * place, as: Int32.self)))
                }
            }
            guard ids.allSatisfy({ (0..<limit).contains($0) }), Set(ids).count == ids.count else {
                throw wrong(name, tensor, expected: "different numbers below \(limit)")
            }
            return ids
        }
        guard let errors = file.tensor("errors"), errors.type == .f32, errors.shape.count == 1, errors.count > 0 else {
            throw wrong("errors", file.tensor("errors"), expected: "F32, one for each level")
        }
        var shapes = [
            subLayer.kind == .attention
                ? LayerShape(
                    headCount: dense.headCount, keyValueHeadCount: dense.keyValueHeadCount, intermediateSize: 0)
                : LayerShape(headCount: 0, keyValueHeadCount: 0, intermediateSize: dense.intermediateSize)
        ]
        for level in 1..<max(1, errors.count) {
            let columns: Int
            switch subLayer.kind {
            case .attention:
                let keys = try ids("\(level).key_value", below: dense.keyValueHeadCount)
                let queries = try ids("\(level).query", below: dense.headCount)
                guard keys.isEmpty ? queries.isEmpty : !queries.isEmpty && queries.count % keys.count == 0 else {
                    throw wrong(
                        "\(level).query", file.tensor("\(level).query"), expected: "a multiple of \(keys.count) heads")
                }
                columns = queries.count * configuration.headDimension
                shapes.append(
                    LayerShape(headCount: queries.count, keyValueHeadCount: keys.count, intermediateSize: 0))
            case .mlp:
                columns = try ids("\(level).neurons", below: dense.intermediateSize).count
                shapes.append(LayerShape(headCount: 0, keyValueHeadCount: 0, intermediateSize: columns))
            }
            let (name, shape) = ("\(level).weight", [configuration.hiddenSize, columns])
            guard let weight = file.tensor(name), types.contains(where: { $0.stored == weight.type }),
                weight.shape == shape
            else {
                throw wrong(name, file.tensor(name), expected: "F32, BF16 or F16 \(shape)")
            }
        }
        return shapes
    }

    /// One candidate with its weight, float32, on a device; or nil where the file holds no such level.
    public static func read(_ file: SafetensorsFile, level: Int, device: Device) throws(Fault) -> Candidate? {
        guard let weight = file.tensor("\(level).weight"), let errors = file.tensor("errors"), level < errors.count
        else { return nil }
        func ids(_ name: String) throws(Fault) -> [Int]? {
            guard file.tensor("\(level).\(name)") != nil else { return nil }
            return try file.bytes("\(level).\(name)")
                .withUnsafeBytes { $0.bindMemory(to: Int32.self).map { Int(Int32(littleEndian: $0)) } }
        }
        guard let dtype = types.first(where: { $0.stored == weight.type })?.dtype else { return nil }
        let values = Tensor.empty(weight.shape, dtype)
        try values.withMutableBytes { (bytes) throws(Fault) in try file.read("\(level).weight", into: bytes) }
        let placed = values.to(device).to(.float32)
        let error = try file.bytes("errors")
            .withUnsafeBytes { Double(Float(bitPattern: UInt32(littleEndian: $0.bindMemory(to: UInt32.self)[level]))) }
        if let neurons = try ids("neurons") {
            return Candidate(kept: .neurons(neurons), weight: placed, error: error)
        }
        guard let keys = try ids("key_value"), let queries = try ids("query") else { return nil }
        let perGroup = keys.isEmpty ? 0 : queries.count / keys.count
        let groups = keys.enumerated().map { place, key in
            HeadGroup(keyValueHead: key, queryHeads: Array(queries[place * perGroup..<(place + 1) * perGroup]))
        }
        return Candidate(kept: .heads(groups), weight: placed, error: error)
    }
}
