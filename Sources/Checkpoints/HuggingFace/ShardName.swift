import JSONText

/// Names of weight files, and the index that ties them together, as the model hub has them.
public enum ShardName {
    /// `model.safetensors` for a single file, else `model-00001-of-00031.safetensors`. `number` counts from 1.
    public static func name(_ number: Int, of count: Int) -> String {
        if count == 1 { return HuggingFaceWeights.singleName }
        return "model-\(fiveDigits(number))-of-\(fiveDigits(count)).safetensors"
    }

    public static let index = ShardIndex.fileName

    private static func fiveDigits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }

    /// The content of `model.safetensors.index.json`. Written only when there is more than one shard.
    ///
    /// - Parameters:
    ///   - shards: each file's name and the tensors in it.
    public static func indexBytes(_ shards: [(name: String, tensors: [TensorDescription])]) -> [UInt8] {
        let places = shards.flatMap { shard in shard.tensors.map { (tensor: $0, file: shard.name) } }
        var map = JSONObject()
        for place in places.sorted(by: { $0.tensor.name.utf8.lexicographicallyPrecedes($1.tensor.name.utf8) }) {
            map[place.tensor.name] = .string(place.file)
        }
        let total = places.reduce(0) { $0 + $1.tensor.byteCount }
        let json = JSONValue.object([
            "metadata": .object(["total_size": .integer(total)]), "weight_map": .object(map),
        ])
        return Array((json.text() + "\n").utf8)
    }
}
