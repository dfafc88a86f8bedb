import Checkpoints
import Decoders
import EspalierKit
import Faults
import Publishing
import Tokenization

/// Model files: weights, configuration, index.
nonisolated(unsafe) let checkpointTargets: [FuzzTarget] = [
    FuzzTarget("safetensors", .safetensors) { bytes, scratch in
        let file = try SafetensorsFile(scratch.write("input.safetensors", bytes))
        for tensor in file.tensors.prefix(8) where tensor.count <= 1 << 16 { _ = try file.bytes(tensor.name) }
    },
    FuzzTarget("gguf", .gguf) { bytes, scratch in
        try look(at: try Checkpoint.open(scratch.write("input.gguf", bytes)))
    },
    FuzzTarget("imatrix", .gguf) { bytes, scratch in
        try look(at: try ImportanceMatrix(reading: scratch.write("imatrix.gguf", bytes)), scratch)
    },
    FuzzTarget("imatrix-dat", .bytes) { bytes, scratch in
        try look(at: try ImportanceMatrix(reading: scratch.write("imatrix.dat", bytes)), scratch)
    },
    FuzzTarget("config", .json) { bytes, scratch in
        let folder = scratch.folder("config", from: "Base/model", with: "config.json", bytes)
        try look(at: try Checkpoint.openOrDescribe(folder))
    },
    FuzzTarget("index", .json) { bytes, scratch in
        let folder = scratch.folder("index", from: "Base/sharded", with: "model.safetensors.index.json", bytes)
        try look(at: try Checkpoint.open(folder))
    },
    FuzzTarget("shard", .safetensors) { bytes, scratch in
        let folder = scratch.folder("shard", from: "Base/model", with: "model.safetensors", bytes)
        try look(at: try Checkpoint.open(folder))
    },
    FuzzTarget("completion", .json) { bytes, scratch in
        let folder = scratch.folder("completion", from: "Base/model", with: "COMPLETE.json", bytes)
        _ = try CompletionRecord(folder: folder)
        _ = try FolderVerification(folder)
    },
]

/// What an export does with a measurement of its inputs, read or its own.
private func look(at matrix: ImportanceMatrix, _ scratch: Scratch) throws {
    for name in matrix.entries.keys {
        for weight in matrix.weights(name) ?? [] {
            precondition(weight.isFinite && weight > 0, "an error counts \(weight)")
        }
    }
    let path = scratch.write("again.gguf", matrix.bytes(file: "again.gguf"))
    let again = try ImportanceMatrix(reading: path)
    precondition(
        again.entries.mapValues(\.sums) == matrix.entries.mapValues(\.sums), "what was written is read as other sums")
}

/// What every verb does first with a model.
private func look(at checkpoint: Checkpoint) throws {
    let decoder = try Decoder(checkpoint)
    _ = checkpoint.parameterCount
    if checkpoint.hasWeights {
        _ = try decoder.block(0)
        _ = try decoder.embedded([0])
        for tensor in checkpoint.tensors.prefix(4) where tensor.count <= 1 << 16 {
            _ = try checkpoint.floats(tensor.name)
            _ = try checkpoint.storedBytes(tensor.name)
        }
    }
    if let files = try checkpoint.tokenizer() {
        let tokenizer = try files.tokenizer()
        try tokenizer.check(embeddingRows: decoder.configuration.vocabularySize)
        let ids = tokenizer.encode("Ein kurzer Text.", addSpecialTokens: true)
        _ = tokenizer.decode(ids, skipSpecialTokens: false)
        // The text may be refused for what its values would take.
        if let again = try? Tokenizer(parsing: files.json) {
            precondition(
                again.encode("Ein kurzer Text.", addSpecialTokens: true) == ids, "the text is another tokenizer")
        }
    }
}
