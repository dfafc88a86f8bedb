import Checkpoints
import Decoders
import Faults
import Torch

/// The candidates of a sub-layer in a safetensors file. Level 0 is the dense one, which the model itself holds; of level i there are `i.weight` [hidden, columns] float32, `i.query` and
/// `i.key_value` (attention: the query heads by group, and the groups) or `i.neurons`, int32; and `errors` [levels].
public enum CandidateFile {
    public static func name(_ subLayer: SubLayer) -> String { "supernet-\(subLayer.name).safetensors" }

    public static func tensors(_ candidates: [Candidate]) -> [(tensor: TensorDescription, bytes: [UInt8])] {
        var list: [(tensor: TensorDescription, bytes: [UInt8])] = []
        func add(_ name: String, _ ids: [Int]) {
            let values = ids.map { Int32($0).littleEndian }
            list.append(
                (TensorDescription(name: name, shape: [ids.count], type: .i32), values.withUnsafeBytes { Array($0) }))
        }
        for (level, candidate) in candidates.enumerated().dropFirst() {
            list.append(
                (
                    TensorDescription(name: "\(level).weight", shape: candidate.weight.shape, type: .f32),
                    candidate.weight.to(.cpu).contiguous().bytes()
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

    /// One candidate with its weight on a device, or nil where the file holds no such level.
    public static func read(_ file: SafetensorsFile, level: Int, device: Device) throws(Fault) -> Candidate? {
        guard let weight = file.tensor("\(level).weight"), let errors = file.tensor("errors"), level < errors.count
        else { return nil }
        func ids(_ name: String) throws(Fault) -> [Int]? {
            guard file.tensor("\(level).\(name)") != nil else { return nil }
            return try file.bytes("\(level).\(name)")
                .withUnsafeBytes { $0.bindMemory(to: Int32.self).map { Int(Int32(littleEndian: $0)) } }
        }
        let values = Tensor.empty(weight.shape)
        try values.withMutableBytes { (bytes) throws(Fault) in try file.read("\(level).weight", into: bytes) }
        let placed = values.to(device)
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
