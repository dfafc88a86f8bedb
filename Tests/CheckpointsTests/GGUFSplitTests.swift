import Faults
import Files
import Testing

@testable import Checkpoints

/// Models in several GGUF files.
struct GGUFSplitTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private let names = ["m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"]

    private func split(_ builder: inout GGUFBuilder, _ index: UInt32, count: UInt32 = 3, tensors: UInt32 = 11) {
        builder.set("split.no", index)
        builder.set("split.count", count)
        builder.set("split.tensors.count", tensors)
    }

    /// The sound model in three parts.
    private func parts(_ change: (Int, inout GGUFBuilder) -> Void = { _, _ in }) -> [GGUFBuilder] {
        let second: Set = ["blk.0.attn_q.weight", "blk.0.attn_k.weight"]
        let third: Set = ["blk.0.ffn_up.weight", "output_norm.weight"]
        return (0..<3).map { index in
            var builder = GGUFBuilder()
            if index == 0 {
                builder.pairs = GGUFBuilder.sound().pairs
                builder.soundTensors(without: second.union(third))
            } else if index == 1 {
                builder.tensor("blk.0.attn_q.weight", [8, 8])
                builder.tensor("blk.0.attn_k.weight", [4, 8])
            } else {
                builder.tensor("blk.0.ffn_up.weight", [12, 8])
                builder.tensor("output_norm.weight", [8])
            }
            split(&builder, UInt32(index))
            change(index, &builder)
            return builder
        }
    }

    private func write(_ parts: [GGUFBuilder]) throws {
        for (name, part) in zip(names, parts) { try folder.write(name, part.file) }
    }

    @Test func aSplitModelIsReadFromAnyPart() throws {
        try write(parts())
        let whole = try Checkpoint.open(try folder.write("whole.gguf", GGUFBuilder.sound().file))
        for name in names {
            let model = try Checkpoint.open(folder.path(name))
            #expect(model.path == folder.path(names[0]))
            #expect(model.weightFiles.map(\.name) == names)
            #expect(model.weightFiles.map(\.bytes) == names.map { FileSystem.size(folder.path($0)) })
            #expect(model.configuration == whole.configuration)
            #expect(Set(model.tensors.map(\.name)) == Set(whole.tensors.map(\.name)))
            for tensor in whole.tensors {
                #expect(try model.floats(tensor.name) == whole.floats(tensor.name), "\(tensor.name)")
            }
            #expect(model.weightFile(of: "model.norm.weight") == names[2])
            #expect(model.path(ofWeightFile: names[1]) == folder.path(names[1]))
            try model.checkUnchanged()
        }
    }

    /// As some splitters write it: the metadata alone.
    @Test func theFirstPartMayHaveNoTensors() throws {
        var first = GGUFBuilder()
        first.pairs = GGUFBuilder.sound().pairs
        split(&first, 0, count: 2)
        var second = GGUFBuilder()
        second.soundTensors()
        split(&second, 1, count: 2)
        try folder.write("m-00001-of-00002.gguf", first.file)
        let model = try Checkpoint.open(try folder.write("m-00002-of-00002.gguf", second.file))
        #expect(model.tensors.count == 11 && model.warnings.isEmpty)
    }

    @Test func aPartThatChangesIsNoticed() throws {
        try write(parts())
        let model = try Checkpoint.open(folder.path(names[0]))
        try folder.write(names[2], parts()[2].file + [0])
        fault(.inputOutput, "changed", names[2]) { try model.checkUnchanged() }
        fault(.inputOutput, "changed", names[2]) { try model.floats("model.norm.weight") }
    }

    @Test func oneFileThatCallsItselfTheOnlyPartIsWhole() throws {
        var builder = GGUFBuilder.sound()
        split(&builder, 0, count: 1)
        #expect(try Checkpoint.open(try folder.write("any name.gguf", builder.file)).weightFiles.count == 1)
    }

    @Test func missingPartsAreAllNamed() throws {
        try folder.write(names[1], parts()[1].file)
        fault(.missingInput, names[0], names[2], "1 of 3 parts") { try Checkpoint.open(folder.path(names[1])) }
    }

    @Test func aPartUnderAnotherNameIsToldTheRightOne() throws {
        let part = parts()[1].file
        for name in ["part2.gguf", "m-00001-of-00003.gguf", "m-00002-of-00002.gguf"] {
            fault(.badData, "name of a part", "-00002-of-00003.gguf") {
                try Checkpoint.open(try folder.write(name, part))
            }
        }
    }

    @Test func foreignPartsAreRefused() throws {
        func fails(_ words: String, _ change: (Int, inout GGUFBuilder) -> Void) throws {
            try write(parts(change))
            for name in names { fault(.badData, words) { try Checkpoint.open(folder.path(name)) } }
        }
        try write(parts())
        try folder.write(names[2], GGUFBuilder.sound().file)
        fault(.badData, "belongs to another model", "split.count", names[2]) {
            try Checkpoint.open(folder.path(names[0]))
        }
        try write(parts())
        try folder.write(names[2], parts()[1].file)
        fault(.badData, "belongs to another model or place", "split.no") { try Checkpoint.open(folder.path(names[0])) }
        try fails("belongs to another model") { index, builder in
            if index == 2 {
                builder.pairs = []
                split(&builder, 2, tensors: 12)
            }
        }
        try fails("hold the same tensor") { index, builder in
            if index == 2 { builder.tensor("blk.0.attn_k.weight", [4, 8]) }
        }
        try fails("as many tensors as their metadata names") { index, builder in
            builder.pairs.removeLast()
            builder.set("split.tensors.count", UInt32(12))
        }
        try write(
            parts { index, builder in builder.set("general.name", "model \(min(index, 1))") })
        fault(.badData, "belongs to another model", "general.name") { try Checkpoint.open(folder.path(names[0])) }
    }

    @Test func wrongCountsAreRefused() throws {
        for (index, count) in [(UInt32(3), UInt32(3)), (0, 100_000)] {
            var builder = GGUFBuilder.sound()
            split(&builder, index, count: count)
            fault(.badData, "has a wrong number") { try Checkpoint.open(try folder.write(names[0], builder.file)) }
        }
    }

    @Test func piecesOfACutFileSayHowToJoinThem() throws {
        let whole = GGUFBuilder.sound().file
        for (name, bytes) in [
            ("m.gguf-split-a", Array(whole.prefix(700))), ("m.gguf-split-b", Array(whole.dropFirst(700))),
            ("m.gguf.part1of2", Array(whole.prefix(700))),
        ] {
            fault(.badData, "cut into pieces", "cat ") { try Checkpoint.open(try folder.write(name, bytes)) }
        }
    }
}
