import Checkpoints

/// A file of the published folder and the parts that go into it.
package struct ShardGroup {
    package var name: String
    package var parts: [String]
    /// As planned: a value that float16 cannot hold makes its tensor float32 later.
    package var tensors: [TensorDescription]
}

extension BlockFiles {
    /// Consecutive parts, together at most the shard size, by the sizes planned.
    package func groups(shardSize: Int) -> [ShardGroup] {
        var groups: [[(String, [TensorDescription])]] = [[]]
        var bytes = 0
        for part in 0...configuration.layerCount {
            let tensors = tensors(part: part).map(description)
            let size = tensors.reduce(0) { $0 + $1.byteCount }
            if bytes > 0, bytes + size > shardSize {
                groups.append([])
                bytes = 0
            }
            groups[groups.count - 1].append((BlockFiles.name(part: part), tensors))
            bytes += size
        }
        return groups.enumerated().map { index, parts in
            ShardGroup(
                name: ShardName.name(index + 1, of: groups.count), parts: parts.map(\.0), tensors: parts.flatMap(\.1))
        }
    }

    /// The most bytes that the staging folder holds at once: while a shard is written, the parts that go into it are
    /// still there.
    package func stagingBytes(shardSize: Int) -> Int {
        let groups = groups(shardSize: shardSize)
        let shards = groups.map { SafetensorsWriter.fileSize($0.tensors) }
        let parts = groups.map { group in
            group.parts.filter { $0 != BlockFiles.name(part: 0) }.reduce(0) { sum, name in
                let part = Int(name.filter(\.isNumber)) ?? 0
                return sum + SafetensorsWriter.fileSize(tensors(part: part).map(description))
            }
        }
        var most = parts.reduce(0, +)
        for index in groups.indices {
            most = max(most, shards[...index].reduce(0, +) + parts[index...].reduce(0, +))
        }
        return most
    }
}
