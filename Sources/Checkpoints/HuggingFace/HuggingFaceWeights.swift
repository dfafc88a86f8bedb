import Faults
import JSONText

/// The safetensors of a folder: one file, or the shards that the index names.
struct HuggingFaceWeights: TensorSource {
    let files: [SafetensorsFile]
    let tensors: [TensorDescription]
    /// Position in `files`, by tensor.
    private let owners: [ExactText: Int]

    static let singleName = "model.safetensors"

    init(_ folder: String, _ names: [String], warnings: inout [String]) throws(Fault) {
        if names.contains(ShardIndex.fileName) {
            if names.contains(HuggingFaceWeights.singleName) {
                warnings.append("\(folder): both model.safetensors and an index are there; the index is used")
            }
            try self.init(index: try ShardIndex(folder: folder), folder: folder, warnings: &warnings)
        } else if names.contains(HuggingFaceWeights.singleName) {
            let path = try SafePath.checked(folder, HuggingFaceWeights.singleName)
            try self.init(files: [try SafetensorsFile(path)])
        } else {
            let shards = names.filter { $0.hasSuffix(".safetensors") }
            if shards.isEmpty, let fault = PickledWeights.fault(names, folder: folder) { throw fault }
            throw Fault(
                .missingInput, "the folder has no model.safetensors and no index of shards", file: folder,
                found: (shards.isEmpty ? names : shards).prefix(8).joined(separator: ", "),
                expected: "model.safetensors, or \(ShardIndex.fileName) with its shards",
                advice: shards.isEmpty ? MissingWeights.advice : "download the missing files")
        }
    }

    private init(files: [SafetensorsFile]) throws(Fault) {
        var owners: [ExactText: Int] = [:]
        var tensors: [TensorDescription] = []
        for (position, file) in files.enumerated() {
            for tensor in file.tensors {
                if let other = owners.updateValue(position, forKey: ExactText(tensor.name)) {
                    throw Fault(
                        .badData, "the same tensor stands in two shards", file: file.path,
                        place: "tensor '\(tensor.name)'", found: "also in \(FileSystem.last(files[other].path))")
                }
                tensors.append(tensor)
            }
        }
        self.files = files
        self.tensors = tensors
        self.owners = owners
    }

    private init(index: ShardIndex, folder: String, warnings: inout [String]) throws(Fault) {
        let names = index.files
        let missing = names.filter { FileSystem.kind(FileSystem.joined(folder, $0)) == nil }
        guard missing.isEmpty else {
            throw Fault(
                .missingInput, "\(missing.count) of \(names.count) shards are missing", file: index.path,
                found: "no \(missing.joined(separator: ", "))", expected: "every file that the index names",
                advice: missing.count == names.count ? MissingWeights.advice : "download the missing files")
        }
        var files: [SafetensorsFile] = []
        for name in names { files.append(try SafetensorsFile(try SafePath.checked(folder, name))) }
        try self.init(files: files)
        let positions = Dictionary(uniqueKeysWithValues: names.enumerated().map { (ExactText($1), $0) })
        for (tensor, file) in index.map {
            guard let position = owners[ExactText(tensor)], position == positions[ExactText(file)] else {
                throw Fault(
                    .badData, "a shard does not hold a tensor that the index promises", file: index.path,
                    place: "weight_map, tensor '\(tensor)'", found: "no such tensor in \(file)",
                    advice: "download index and shards again, from the same revision")
            }
        }
        let indexed = Set(index.map.map { ExactText($0.tensor) })
        let extra = tensors.filter { !indexed.contains(ExactText($0.name)) }.map(\.name)
        if !extra.isEmpty {
            warnings.append(
                "\(index.path): the shards hold \(extra.count) tensors that the index does not name: "
                    + extra.prefix(5).joined(separator: ", "))
        }
        let bytes = tensors.reduce(0) { $0 + $1.byteCount }
        if let total = index.totalSize, total != bytes {
            warnings.append("\(index.path): metadata.total_size is \(total), but the tensors have \(bytes) bytes")
        }
    }

    func weightFile(of name: String) -> String? { owners[ExactText(name)].map { FileSystem.last(files[$0].path) } }

    func checkUnchanged() throws(Fault) {
        for file in files { try file.checkUnchanged() }
    }

    private func file(_ tensor: TensorDescription) throws(Fault) -> SafetensorsFile {
        guard let owner = owners[ExactText(tensor.name)] else {
            throw Fault(.badData, "the model has no such tensor", place: "tensor '\(tensor.name)'")
        }
        return files[owner]
    }

    func readStored(_ tensor: TensorDescription, into target: UnsafeMutableRawBufferPointer) throws(Fault) {
        try file(tensor).read(tensor.name, into: target)
    }

    func read(
        _ tensor: TensorDescription, from start: Int, into target: UnsafeMutableBufferPointer<Float>
    ) throws(Fault) {
        let file = try file(tensor)
        guard tensor.type.isFloatingPoint, let size = tensor.type.byteCount else {
            throw Fault(
                .badData, "the tensor does not hold floating-point numbers", file: file.path,
                place: "tensor '\(tensor.name)'", found: tensor.type.rawValue, expected: "F32, F16, BF16 or F64")
        }
        #if _endian(little)
            if tensor.type == .f32 {
                return try file.read(tensor.name, from: start * size, into: UnsafeMutableRawBufferPointer(target))
            }
        #endif
        let stride = (4 << 20) / size
        let scratch = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(stride, target.count) * size, alignment: 16)
        defer { scratch.deallocate() }
        var done = 0
        while done < target.count {
            let count = min(stride, target.count - done)
            let part = UnsafeMutableRawBufferPointer(rebasing: scratch[..<(count * size)])
            try file.read(tensor.name, from: (start + done) * size, into: part)
            _ = FloatConversion.widen(
                UnsafeRawBufferPointer(part), tensor.type,
                into: UnsafeMutableBufferPointer(rebasing: target[done..<done + count]))
            done += count
        }
    }

    /// Whether two tensors hold the same bytes, read a few megabytes at a time.
    func equal(_ left: TensorDescription, _ right: TensorDescription) throws(Fault) -> Bool {
        guard left.type == right.type, left.shape == right.shape else { return false }
        let (leftFile, rightFile) = (try file(left), try file(right))
        let stride = 4 << 20
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * stride, alignment: 16)
        defer { scratch.deallocate() }
        var done = 0
        while done < left.byteCount {
            let count = min(stride, left.byteCount - done)
            let first = UnsafeMutableRawBufferPointer(rebasing: scratch[..<count])
            let second = UnsafeMutableRawBufferPointer(rebasing: scratch[stride..<stride + count])
            try leftFile.read(left.name, from: done, into: first)
            try rightFile.read(right.name, from: done, into: second)
            guard first.elementsEqual(second) else { return false }
            done += count
        }
        return true
    }
}
