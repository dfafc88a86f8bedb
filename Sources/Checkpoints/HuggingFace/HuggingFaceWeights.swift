import Faults
import Files
import JSONText

/// The safetensors of a folder: one file, or the shards that the index names.
struct HuggingFaceWeights: TensorSource {
    let files: [SafetensorsFile]
    private(set) var tensors: [TensorDescription]
    /// Tensors that the index promises and no file holds, with the file that should.
    private(set) var promised: [(tensor: String, file: String)] = []
    /// Position in `files`, by tensor.
    private var owners: [ExactText: Int]
    /// Names in the files, of tensors that are handed out under another.
    private var storedNames: [ExactText: String] = [:]

    static let singleName = "model.safetensors"

    init(_ folder: String, _ names: [String], warnings: inout [String]) throws(Fault) {
        let hasSingle = names.contains(HuggingFaceWeights.singleName)
        guard names.contains(ShardIndex.fileName) else {
            guard hasSingle else { throw HuggingFaceWeights.nothing(folder, names) }
            try self.init(single: folder)
            return
        }
        let index: ShardIndex
        do throws(Fault) { index = try ShardIndex(folder: folder) } catch {
            // Nobody can read the shards of an index that is no index, so there is no second model.
            guard hasSingle, error.kind == .badData, error.place.map({ !$0.hasPrefix("weight_map, ") }) ?? false else {
                throw error
            }
            try self.init(single: folder)
            warnings.append(
                "\(FileSystem.joined(folder, ShardIndex.fileName)): this index cannot be read (\(error.summary)); "
                    + "model.safetensors is read instead")
            return
        }
        guard hasSingle, !index.files.contains(HuggingFaceWeights.singleName) else {
            try self.init(index: index, folder: folder, warnings: &warnings)
            return
        }
        // Other software disagrees on which of the two is the model, so they must be the same.
        try self.init(single: folder)
        let missing = index.missing(in: folder)
        guard missing.isEmpty else {
            warnings.append(
                "\(index.path): left over from other weights: it lists "
                    + "\(CountText.of(missing.count, "file that is", "files that are")) not there "
                    + "(\(missing.prefix(3).joined(separator: ", "))); model.safetensors is read instead")
            return
        }
        var ignored: [String] = []
        let shards = try HuggingFaceWeights(index: index, folder: folder, warnings: &ignored)
        if let difference = try difference(from: shards) {
            throw Fault(
                .badData, "the folder holds two models: a single file of weights, and shards that differ from it",
                file: folder, place: difference,
                found: "\(HuggingFaceWeights.singleName) and \(ShardIndex.fileName) with "
                    + "\(index.files.prefix(3).joined(separator: ", "))\(index.files.count > 3 ? ", …" : "")",
                expected: "one of them",
                advice: "move away what is stale: transformers would read \(HuggingFaceWeights.singleName), "
                    + "vLLM the index")
        }
        warnings.append(
            "\(folder): model.safetensors and the shards of the index hold the same weights; model.safetensors is read")
    }

    private static func nothing(_ folder: String, _ names: [String]) -> Fault {
        let shards = names.filter { $0.hasSuffix(".safetensors") }
        if shards.isEmpty, let fault = PickledWeights.fault(names, folder: folder) { return fault }
        var advice = shards.isEmpty ? MissingWeights.advice : "download the missing files"
        if let model = names.first(where: { $0.hasSuffix(".gguf") }), shards.isEmpty {
            advice = "pass the GGUF file instead: \(FileSystem.joined(folder, model))"
        } else if shards.contains(where: { $0.hasPrefix("consolidated") }) {
            advice = "the weights are in their maker's own format: download those in Hugging Face's format"
        } else if shards.contains(where: { ShardIndex.isShard($0) && !$0.contains("-of-00001.") }) {
            advice = "download the missing files, \(ShardIndex.fileName) among them"
        } else if let only = shards.first, shards.count == 1 {
            advice = "if \(only) holds the whole model, give it the name \(HuggingFaceWeights.singleName)"
        }
        return Fault(
            .missingInput, "the folder has no model.safetensors and no index of shards", file: folder,
            found: (shards.isEmpty ? names : shards).prefix(8).joined(separator: ", "),
            expected: "model.safetensors, or \(ShardIndex.fileName) with its shards", advice: advice)
    }

    private init(single folder: String) throws(Fault) {
        try self.init(files: [try SafetensorsFile(try SafePath.checked(folder, HuggingFaceWeights.singleName))])
    }

    private init(files: [SafetensorsFile]) throws(Fault) {
        var owners: [ExactText: Int] = [:]
        var tensors: [TensorDescription] = []
        for (position, file) in files.enumerated() {
            for tensor in file.tensors {
                if let other = owners[ExactText(tensor.name)] {
                    // The same numbers twice are no contradiction.
                    if let twin = files[other].tensor(tensor.name),
                        twin.type == tensor.type, twin.shape == tensor.shape,
                        try HuggingFaceWeights.equalBytes(
                            files[other], tensor.name, file, tensor.name, count: tensor.byteCount)
                    {
                        continue
                    }
                    throw Fault(
                        .badData, "two shards contain the same tensor with different values", file: file.path,
                        place: "tensor '\(tensor.name)'", found: "also in \(FileSystem.last(files[other].path))",
                        advice: "download index and shards again, from the same revision")
                }
                owners[ExactText(tensor.name)] = position
                tensors.append(tensor)
            }
        }
        if let first = files.first { try TensorDescription.checkTotal(tensors, file: first.path) }
        self.files = files
        self.tensors = tensors
        self.owners = owners
    }

    private init(index: ShardIndex, folder: String, warnings: inout [String]) throws(Fault) {
        let names = index.files
        let missing = index.missing(in: folder)
        guard missing.isEmpty else {
            throw Fault(
                .missingInput, "\(missing.count) of \(names.count) shards are missing", file: index.path,
                found: "no \(missing.joined(separator: ", "))", expected: "every file that the index names",
                advice: missing.count == names.count ? MissingWeights.advice : "download the missing files")
        }
        var files: [SafetensorsFile] = []
        for name in names { files.append(try SafetensorsFile(try SafePath.checked(folder, name))) }
        try self.init(files: files)
        var moved: [String] = []
        var unnamed = Set(owners.keys)
        for (tensor, file) in index.tensors {
            // The files were opened in the order of the index's list of them.
            guard let position = owners[ExactText(tensor)] else {
                promised.append((tensor, names[Int(file)]))
                continue
            }
            unnamed.remove(ExactText(tensor))
            if position != Int(file) { moved.append(tensor) }
        }
        // Whether the model needs what is not there is for its configuration to say.
        if !promised.isEmpty {
            warnings.append(
                "\(index.path): the index names \(CountText.of(promised.count, "tensor")) that no shard holds: "
                    + HuggingFaceWeights.list(promised.map(\.tensor)))
        }
        if !moved.isEmpty {
            warnings.append(
                "\(index.path): \(CountText.of(moved.count, "tensor stands", "tensors stand")) in another shard than "
                    + "the index says: "
                    + HuggingFaceWeights.list(moved))
        }
        let extra = tensors.filter { unnamed.contains(ExactText($0.name)) }.map(\.name)
        if !extra.isEmpty {
            warnings.append(
                "\(index.path): the shards hold \(CountText.of(extra.count, "tensor")) that the index does not name: "
                    + HuggingFaceWeights.list(extra))
        }
        let bytes = tensors.reduce(0) { $0 + $1.byteCount }
        if let total = index.totalSize, total != bytes {
            warnings.append("\(index.path): metadata.total_size is \(total), but the tensors have \(bytes) bytes")
        }
    }

    private static func list(_ names: [String]) -> String { names.prefix(5).joined(separator: ", ") }

    /// Hands tensors out under other names, given in the order of `tensors`.
    mutating func rename(_ names: [String]) {
        var (owners, stored): ([ExactText: Int], [ExactText: String]) = ([:], [:])
        for (position, name) in zip(tensors.indices, names) {
            let old = tensors[position].name
            owners[ExactText(name)] = self.owners[ExactText(old)]
            stored[ExactText(name)] = storedName(old)
            tensors[position].name = name
        }
        self.owners = owners
        storedNames = stored
    }

    private func storedName(_ name: String) -> String { storedNames[ExactText(name)] ?? name }

    /// Where these weights and others differ first, in words; nil when they are the same bytes under the same names.
    private func difference(from other: HuggingFaceWeights) throws(Fault) -> String? {
        let positions = Dictionary(uniqueKeysWithValues: other.tensors.enumerated().map { (ExactText($1.name), $0) })
        for tensor in tensors {
            guard let position = positions[ExactText(tensor.name)] else { return "tensor '\(tensor.name)'" }
            guard try HuggingFaceWeights.equal(self, tensor, other, other.tensors[position]) else {
                return "tensor '\(tensor.name)'"
            }
        }
        if other.tensors.count == tensors.count { return nil }
        let known = Set(tensors.map { ExactText($0.name) })
        return other.tensors.first { !known.contains(ExactText($0.name)) }.map { "tensor '\($0.name)'" }
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
        try file(tensor).read(storedName(tensor.name), into: target)
    }

    var readsParts: Bool { true }

    func readStored(
        _ tensor: TensorDescription, from start: Int, into target: UnsafeMutableRawBufferPointer
    ) throws(Fault) {
        try file(tensor).read(storedName(tensor.name), from: start, into: target)
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
                return try file.read(
                    storedName(tensor.name), from: start * size, into: UnsafeMutableRawBufferPointer(target))
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
            try file.read(storedName(tensor.name), from: (start + done) * size, into: part)
            _ = FloatConversion.widen(
                UnsafeRawBufferPointer(part), tensor.type,
                into: UnsafeMutableBufferPointer(rebasing: target[done..<done + count]))
            done += count
        }
    }

    /// Whether two tensors hold the same numbers, in whichever types, read a few megabytes at a time.
    func equal(_ left: TensorDescription, _ right: TensorDescription) throws(Fault) -> Bool {
        guard left.type != right.type else { return try HuggingFaceWeights.equal(self, left, self, right) }
        guard left.shape == right.shape, left.type.isFloatingPoint, right.type.isFloatingPoint else { return false }
        let stride = 1 << 20
        for start in Swift.stride(from: 0, to: left.count, by: stride) {
            let range = start..<min(start + stride, left.count)
            guard try floats(left, range) == floats(right, range) else { return false }
        }
        return true
    }

    /// Some elements of a tensor, widened.
    private func floats(_ tensor: TensorDescription, _ range: Range<Int>) throws(Fault) -> [Float] {
        try Checkpoint.filled(range.count) { (buffer) throws(Fault) in
            try read(tensor, from: range.lowerBound, into: buffer)
        }
    }

    private static func equal(
        _ leftWeights: HuggingFaceWeights, _ left: TensorDescription, _ rightWeights: HuggingFaceWeights,
        _ right: TensorDescription
    ) throws(Fault) -> Bool {
        guard left.type == right.type, left.shape == right.shape else { return false }
        return try equalBytes(
            try leftWeights.file(left), leftWeights.storedName(left.name), try rightWeights.file(right),
            rightWeights.storedName(right.name), count: left.byteCount)
    }

    /// Whether two tensors of one size hold the same bytes, read a few megabytes at a time.
    private static func equalBytes(
        _ leftFile: SafetensorsFile, _ leftName: String, _ rightFile: SafetensorsFile, _ rightName: String, count: Int
    ) throws(Fault) -> Bool {
        let stride = 4 << 20
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * stride, alignment: 16)
        defer { scratch.deallocate() }
        var done = 0
        while done < count {
            let size = min(stride, count - done)
            let first = UnsafeMutableRawBufferPointer(rebasing: scratch[..<size])
            let second = UnsafeMutableRawBufferPointer(rebasing: scratch[stride..<stride + size])
            try leftFile.read(leftName, from: done, into: first)
            try rightFile.read(rightName, from: done, into: second)
            guard first.elementsEqual(second) else { return false }
            done += size
        }
        return true
    }
}
