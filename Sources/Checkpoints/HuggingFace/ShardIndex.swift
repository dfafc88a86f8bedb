import Faults
import Files
import JSONText

/// `model.safetensors.index.json`: which file holds which tensor.
struct ShardIndex {
    static let fileName = "model.safetensors.index.json"

    /// The largest models' have 9 MB.
    static let sizeLimit = 32 << 20
    /// The largest models' have 140,000.
    static let mostTensors = 1 << 18
    /// The largest models have 200; each that is read is an open file.
    static let mostFiles = 1 << 14

    let path: String
    /// In the index's order, each with a position in `files`.
    let tensors: [(name: String, file: Int32)]
    /// Each once, sorted.
    let files: [String]
    /// Bytes of all tensors, as the index says.
    let totalSize: Int?

    /// Files that are not there.
    func missing(in folder: String) -> [String] {
        files.filter { FileSystem.kind(FileSystem.joined(folder, $0)) == nil }
    }

    /// Whether a file's name is that of a part of some weights, such as `model-00001-of-00002.safetensors`.
    static func isShard(_ name: String) -> Bool { name.wholeMatch(of: /.*-[0-9]+-of-[0-9]+\.safetensors/) != nil }

    init(folder: String) throws(Fault) {
        let path = try SafePath.checked(folder, ShardIndex.fileName)
        var tensors: [(name: String, file: Int32)] = []
        var files: [String] = []
        var positions: [ExactText: Int32] = [:]
        let bytes = try JSONFile.bytes(path, sizeLimit: ShardIndex.sizeLimit)
        // What an entry says wrongly, told apart from text that is no JSON.
        var wrong: Fault?
        let others: JSONObject
        do throws(Fault) {
            others = try JSONValue.members(of: "weight_map", parsing: bytes) { (tensor, value) throws(Fault) in
                do throws(Fault) {
                    guard tensors.count < ShardIndex.mostTensors else {
                        throw ShardIndex.tooMany("tensors", ShardIndex.mostTensors, file: path)
                    }
                    let file = try ShardIndex.file(tensor, value, index: path)
                    let position: Int32
                    if let known = positions[ExactText(file)] {
                        position = known
                    } else {
                        guard files.count < ShardIndex.mostFiles else {
                            throw ShardIndex.tooMany("files", ShardIndex.mostFiles, file: path)
                        }
                        position = Int32(files.count)
                        positions[ExactText(file)] = position
                        files.append(file)
                    }
                    tensors.append((tensor, position))
                } catch {
                    wrong = error
                    throw error
                }
            }
        } catch { throw wrong ?? error.inFile(path) }
        guard !tensors.isEmpty else {
            throw Fault(
                .badData, "the index has no 'weight_map'", file: path, place: "weight_map",
                found: others["weight_map"]?.kindName ?? "nothing", expected: "an object of tensor and file names")
        }
        try ShardIndex.checkNames(tensors, file: path)
        let order = files.indices.sorted { files[$0].utf8.lexicographicallyPrecedes(files[$1].utf8) }
        var sorted = [Int32](repeating: 0, count: files.count)
        for (rank, position) in order.enumerated() { sorted[position] = Int32(rank) }
        for index in tensors.indices { tensors[index].file = sorted[Int(tensors[index].file)] }
        self.path = path
        self.tensors = tensors
        self.files = order.map { files[$0] }
        self.totalSize = others["metadata"]?.objectValue?["total_size"]?.doubleValue.flatMap { Int(exactly: $0) }
    }

    /// The file that an entry names.
    private static func file(_ tensor: String, _ value: JSONValue, index: String) throws(Fault) -> String {
        let named = value.stringValue ?? ""
        let file = named.hasPrefix("./") ? String(named.dropFirst(2)) : named
        guard SafePath.isPlainName(file), file.hasSuffix(".safetensors") else {
            let isBelow = file.hasSuffix(".safetensors") && SafePath.isPlainPath(file)
            throw Fault(
                .badData, "the index lists something other than a safetensors file in this folder", file: index,
                place: "weight_map, tensor '\(tensor)'", found: value.kindName,
                expected: "a plain file name such as model-00001-of-00002.safetensors",
                advice: isBelow
                    ? "put index and shards into one folder, and name the shards without a folder"
                    : "do not use this model: such an index could read files elsewhere on this machine")
        }
        return file
    }

    private static func tooMany(_ what: String, _ most: Int, file: String) -> Fault {
        Fault(
            .badData, "the index names too many \(what)", file: file, place: "weight_map",
            found: "more than \(most)", expected: "at most \(most), more than any model has")
    }

    /// - Throws: `badData` for a name that stands twice.
    private static func checkNames(_ tensors: [(name: String, file: Int32)], file: String) throws(Fault) {
        let order = tensors.indices.map { Int32($0) }.sorted {
            tensors[Int($0)].name.utf8.lexicographicallyPrecedes(tensors[Int($1)].name.utf8)
        }
        for (one, next) in zip(order, order.dropFirst()) {
            let name = tensors[Int(one)].name
            guard !name.utf8.elementsEqual(tensors[Int(next)].name.utf8) else {
                throw Fault(
                    .badData, "invalid JSON: the key \"\(name.prefix(80))\" appears twice in one object", file: file,
                    place: "weight_map")
            }
        }
    }
}
