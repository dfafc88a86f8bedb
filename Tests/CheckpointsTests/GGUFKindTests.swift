import Faults
import Testing

@testable import Checkpoints

/// GGUF files that are no language models are named for what they are.
struct GGUFKindTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func open(_ pairs: [(String, String)], tensors: [String] = ["t"]) throws -> Checkpoint {
        var builder = GGUFBuilder()
        for (key, value) in pairs { builder.set(key, value) }
        for name in tensors { builder.tensor(name, [4]) }
        return try Checkpoint.open(try folder.write("x.gguf", builder.file))
    }

    @Test func companionsOfALanguageModelAreNamed() {
        fault(.badData, "a multimodal projector", "key 'general.type'", "in the same folder") {
            try open([("general.architecture", "clip"), ("general.type", "mmproj")])
        }
        fault(.badData, "a multimodal projector", "key 'general.architecture'") {
            try open([("general.architecture", "clip")])
        }
        fault(.badData, "a LoRA adapter", "merge it") {
            try open([("general.architecture", "llama"), ("general.type", "adapter"), ("adapter.type", "lora")])
        }
        fault(.badData, "an importance matrix") { try open([("general.type", "imatrix")]) }
        fault(.badData, "a control vector") { try open([("general.architecture", "controlvector")]) }
        fault(.badData, "the type 'poem'") { try open([("general.type", "poem")]) }
    }

    @Test func aFileWithoutTensorsIsNamed() throws {
        fault(.badData, "a vocabulary only") {
            var builder = GGUFBuilder()
            builder.pairs = GGUFBuilder.sound().pairs
            return try Checkpoint.open(try folder.write("vocab.gguf", builder.file))
        }
        fault(.badData, "holds no tensors") { try open([("general.architecture", "llama")], tensors: []) }
    }

    @Test func earlierFormatsAreNamed() {
        for (magic, name) in [("tjgg", "GGJT"), ("lmgg", "GGML"), ("algg", "LoRA")] {
            fault(.badData, "that GGUF has replaced", name) {
                try Checkpoint.open(try folder.write("old.ggml", Array(magic.utf8) + [1, 0, 0, 0]))
            }
        }
    }
}
