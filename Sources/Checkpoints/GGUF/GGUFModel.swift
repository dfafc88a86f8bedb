import Faults
import Files
import JSONText

/// A GGUF file shown as a Hugging Face model.
enum GGUFModel {
    static func open(_ path: String) throws(Fault) -> Checkpoint {
        let file = try GGUFParts(path)
        try GGUFKind.check(file)
        let shape = try GGUFArchitecture(file)
        var warnings = try GGUFUnreadKeys.check(file.metadata, shape)
        var tensors: [TensorDescription] = []
        var places: [ExactText: GGUFTensorSource.Place] = [:]
        for entry in file.entries where entry.name != GGUFRopeScaling.tensorName {
            let meaning = try GGUFTensorNames.huggingFace(entry, shape, file: file.files[entry.part].path)
            tensors.append(
                try TensorDescription(
                    told: meaning.name, shape: entry.shape, type: .f32, encoding: entry.type.name, file: file.path))
            places[ExactText(meaning.name)] = GGUFTensorSource.Place(entry: entry, meaning: meaning)
        }
        for (path, bytes) in file.trailing {
            warnings.append("\(path): \(bytes) bytes follow the last tensor; they are ignored")
        }
        try TensorDescription.checkTotal(tensors, file: file.path)
        let weightType = weightType(file)
        let tokenizer = try GGUFTokenizer(file.metadata)
        warnings += tokenizer?.warnings ?? []
        let configuration = try GGUFConfiguration.make(
            file, shape, tokenizer: tokenizer, weightType: weightType, warnings: &warnings)
        try GGUFCompleteness.check(
            file, shape, rows: configuration["vocab_size"]?.integerValue ?? 0,
            attentionBias: configuration["attention_bias"]?.boolValue ?? false,
            mlpBias: configuration["mlp_bias"]?.boolValue ?? false)
        return Checkpoint(
            path: file.path, format: .gguf, configuration: configuration, tensors: tensors, weightType: weightType,
            isQuantised: file.entries.contains { $0.type.isQuantised },
            tiesWordEmbeddings: configuration["tie_word_embeddings"]?.boolValue ?? false, warnings: warnings,
            sideFiles: try GGUFSideFiles.make(file.metadata, tokenizer, configuration),
            card: GGUFCard.make(file.metadata),
            weightFiles: file.files.map { (FileSystem.last($0.path), $0.file.size) },
            source: GGUFTensorSource(file: file, places: places), types: GGUFTypes(file))
    }

    /// float32 for a quantised file, else the type with the most bytes.
    private static func weightType(_ file: GGUFParts) -> StoredType {
        if file.entries.contains(where: { $0.type.isQuantised }) { return .f32 }
        var bytes: [StoredType: Int] = [:]
        for entry in file.entries {
            let type: StoredType = entry.type == .f16 ? .f16 : entry.type == .bf16 ? .bf16 : .f32
            bytes[type, default: 0] += entry.byteCount
        }
        return bytes.max { ($0.value, $0.key.rank) < ($1.value, $1.key.rank) }?.key ?? .f32
    }
}

/// Hands out the tensors of GGUF files as float32 with Hugging Face's row order.
struct GGUFTensorSource: TensorSource {
    struct Place: Sendable {
        var entry: GGUFFile.Entry
        var meaning: GGUFTensorNames.Meaning
    }

    let file: GGUFParts
    let places: [ExactText: Place]

    func weightFile(of name: String) -> String? {
        places[ExactText(name)].map { FileSystem.last(file.files[$0.entry.part].path) }
    }

    func checkUnchanged() throws(Fault) { try file.checkUnchanged() }

    func readStored(_ tensor: TensorDescription, into target: UnsafeMutableRawBufferPointer) throws(Fault) {
        #if _endian(little)
            if UInt(bitPattern: target.baseAddress) % UInt(MemoryLayout<Float>.alignment) == 0 {
                let result: Result<Void, Fault> = target.withMemoryRebound(to: Float.self) { floats in
                    do throws(Fault) { return .success(try read(tensor, from: 0, into: floats)) } catch {
                        return .failure(error)
                    }
                }
                return try result.get()
            }
        #endif
        let floats = UnsafeMutableBufferPointer<Float>.allocate(capacity: tensor.count)
        defer { floats.deallocate() }
        try read(tensor, from: 0, into: floats)
        for (index, value) in floats.enumerated() {
            target.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: index &* 4, as: UInt32.self)
        }
    }

    func read(
        _ tensor: TensorDescription, from start: Int, into target: UnsafeMutableBufferPointer<Float>
    ) throws(Fault) {
        guard let place = places[ExactText(tensor.name)] else {
            throw Fault(.badData, "the model has no such tensor", file: file.path, place: "tensor '\(tensor.name)'")
        }
        guard let heads = place.meaning.permutedHeads else {
            try file.read(place.entry, from: start, into: target)
            if place.meaning.hasOneAdded { for index in target.indices { target[index] -= 1 } }
            return
        }
        // Rows that stand elsewhere in the file: the tensor as a whole, and of it what was asked for.
        let interleaved = UnsafeMutableBufferPointer<Float>.allocate(capacity: tensor.count)
        defer { interleaved.deallocate() }
        try file.read(place.entry, from: 0, into: interleaved)
        let rows = tensor.shape.first ?? 0
        guard target.count < tensor.count else {
            return GGUFTensorSource.deinterleave(interleaved, heads: heads, rows: rows, into: target)
        }
        let ordered = UnsafeMutableBufferPointer<Float>.allocate(capacity: tensor.count)
        defer { ordered.deallocate() }
        GGUFTensorSource.deinterleave(interleaved, heads: heads, rows: rows, into: ordered)
        _ = target.update(fromContentsOf: ordered[start..<start + target.count])
    }

    /// Undoes the converter's order of rows. Within a head of d rows, row 2·i + j of the file is row j·d/2 + i of
    /// PyTorch (j = 0, 1), whose rotary embedding pairs the two halves of a head.
    static func deinterleave(
        _ source: UnsafeMutableBufferPointer<Float>, heads: Int, rows: Int,
        into target: UnsafeMutableBufferPointer<Float>
    ) {
        guard rows > 0, let from = source.baseAddress, let to = target.baseAddress else { return }
        let width = source.count / rows
        let size = rows / heads
        for head in 0..<heads {
            for row in 0..<size {
                let fileRow = head * size + row
                let torchRow = head * size + (row & 1) * (size / 2) + row / 2
                (to + torchRow * width).update(from: from + fileRow * width, count: width)
            }
        }
    }
}
