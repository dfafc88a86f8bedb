import Faults
import Files
import JSONText

/// `model.safetensors.index.json`: which file holds which tensor.
struct ShardIndex {
    static let fileName = "model.safetensors.index.json"

    /// The largest models' have 9 MB.
    static let sizeLimit = 64 << 20

    let path: String
    /// Tensor and file, in the index's order.
    let map: [(tensor: String, file: String)]
    /// Bytes of all tensors, as the index says.
    let totalSize: Int?

    /// Names of the files, each once, sorted.
    var files: [String] { Set(map.map(\.file)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }

    /// Files that are not there.
    func missing(in folder: String) -> [String] {
        files.filter { FileSystem.kind(FileSystem.joined(folder, $0)) == nil }
    }

    /// Whether a file's name is that of a part of some weights, such as `model-00001-of-00002.safetensors`.
    static func isShard(_ name: String) -> Bool { name.wholeMatch(of: /.*-[0-9]+-of-[0-9]+\.safetensors/) != nil }

    init(folder: String) throws(Fault) {
        let path = try SafePath.checked(folder, ShardIndex.fileName)
        let json = try JSONFile.object(path, sizeLimit: ShardIndex.sizeLimit)
        guard let weights = json["weight_map"]?.objectValue, !weights.isEmpty else {
            throw Fault(
                .badData, "the index has no 'weight_map'", file: path, place: "weight_map",
                found: json["weight_map"]?.kindName ?? "nothing", expected: "an object of tensor and file names")
        }
        var map: [(tensor: String, file: String)] = []
        for (tensor, value) in weights.members {
            let named = value.stringValue ?? ""
            let file = named.hasPrefix("./") ? String(named.dropFirst(2)) : named
            guard SafePath.isPlainName(file), file.hasSuffix(".safetensors") else {
                let isBelow = file.hasSuffix(".safetensors") && SafePath.isPlainPath(file)
                throw Fault(
                    .badData, "the index names something else than a safetensors file in this folder", file: path,
                    place: "weight_map, tensor '\(tensor)'", found: value.kindName,
                    expected: "a plain file name such as model-00001-of-00002.safetensors",
                    advice: isBelow
                        ? "put index and shards into one folder, and name the shards without a folder"
                        : "do not use this model: such an index may read files elsewhere on this machine")
            }
            map.append((tensor, file))
        }
        self.path = path
        self.map = map
        self.totalSize = json["metadata"]?.objectValue?["total_size"]?.doubleValue.flatMap { Int(exactly: $0) }
    }
}
