import Faults
import Testing

@testable import Checkpoints

/// Handcrafted files, each with one thing wrong.
struct GGUFHeaderTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func open(_ bytes: [UInt8]) throws -> GGUFFile { try GGUFFile(try folder.write("x.gguf", bytes)) }

    private func open(_ build: (inout GGUFBuilder) -> Void) throws -> GGUFFile {
        var builder = GGUFBuilder()
        build(&builder)
        return try open(builder.file)
    }

    @Test(arguments: [UInt32(2), 3]) func soundFileIsRead(version: UInt32) throws {
        let file = try open {
            $0.version = version
            $0.set("s", "é")
            $0.set("list", ["a", "b"])
            $0.set("ints", [-1, 2])
            $0.set("eps", Float(1e-5))
            $0.tensor("a", [2, 3])
            $0.tensor("b", [4])
        }
        #expect(try file.metadata.string("s") == "é")
        #expect(try file.metadata.packedStrings("list").map(Array.init) == ["a", "b"])
        #expect(try file.metadata.integers("ints") == [-1, 2])
        #expect(try file.metadata.number("eps") == 1e-5)
        #expect(file.entries.map(\.shape) == [[2, 3], [4]])
        #expect(file.entries[1].offset - file.entries[0].offset == 32)
        #expect(file.trailingBytes == 0)
        fault(.badData, "wrong type", "key 's'") { try file.metadata.integer("s") }
    }

    @Test func otherMagicIsRefused() {
        fault(.badData, "not a GGUF file") { try open { $0.magic = Array("GGML".utf8) } }
        fault(.badData, "not a GGUF file", "empty") { try open([]) }
    }

    @Test func pointerAndWebPageAreRecognised() {
        fault(.badData, "Git LFS") { try open(Array("version https://git-lfs.github.com/spec/v1".utf8)) }
        fault(.badData, "HTML") { try open(Array("<html><body>".utf8)) }
    }

    @Test(arguments: [UInt32(0), 1, 4]) func otherVersionsAreRefused(version: UInt32) {
        fault(.badData, "version is not supported", "version \(version)") { try open { $0.version = version } }
    }

    @Test func bigEndianFileIsRecognised() {
        fault(.badData, "big-endian") { try open { $0.version = UInt32(3).byteSwapped } }
    }

    @Test(arguments: [UInt64(1) << 63, .max, 1000]) func impossibleCountsAreRefused(count: UInt64) {
        fault(.badData, "impossible", "number of tensors") { try open { $0.tensorCount = count } }
        fault(.badData, "impossible", "number of metadata keys") { try open { $0.pairCount = count } }
    }

    @Test(arguments: [UInt64(1) << 63, .max, 1 << 31, 500]) func impossibleStringLengthIsRefused(length: UInt64) {
        fault(.badData, "impossible", "metadata key") {
            try open { $0.pairs = [littleEndian(length) + [0, 0, 0, 0, 0, 0]] }
        }
        fault(.badData, "impossible", "key 'k'") { try open { $0.pair("k", .string, littleEndian(length)) } }
    }

    @Test func emptyAndDuplicateKeysAreRefused() {
        fault(.badData, "key is empty") { try open { $0.set("", UInt32(1)) } }
        fault(.badData, "appears twice", "key 'k'") {
            try open {
                $0.set("k", UInt32(1))
                $0.set("k", "x")
            }
        }
    }

    @Test func unknownTypeOfValueIsRefused() {
        fault(.badData, "unknown type", "type 13") {
            try open { $0.pairs = [GGUFBuilder.string("k") + littleEndian(UInt32(13)) + [0, 0]] }
        }
    }

    @Test(arguments: [UInt64(1) << 63, 1 << 30, 100]) func arrayBeyondTheFileIsRefused(count: UInt64) {
        for type in [GGUFValueType.uint64, .string] {
            fault(.badData, "impossible", "key 'k'") {
                try open { $0.pair("k", .array, littleEndian(type.rawValue) + littleEndian(count)) }
            }
        }
    }

    @Test func arrayOfArraysAndUnknownElementsAreRefused() {
        fault(.badData, "arrays of arrays") {
            try open { $0.pair("k", .array, littleEndian(UInt32(9)) + littleEndian(UInt64(0))) }
        }
        fault(.badData, "unknown type", "type 99") {
            try open { $0.pair("k", .array, littleEndian(UInt32(99)) + littleEndian(UInt64(0))) }
        }
    }

    @Test func elementTypeOfAnArrayIsChecked() throws {
        let file = try open { $0.set("k", [1, 2]) }
        fault(.badData, "wrong type", "key 'k'", "array of strings") { try file.metadata.packedStrings("k") }
        fault(.badData, "wrong type", "key 'k'", "float32") { try file.metadata.floats("k") }
    }

    @Test func booleanThatIsNeitherZeroNorOneIsRefused() {
        fault(.badData, "neither 0 nor 1") { try open { $0.pair("k", .bool, [2]) } }
    }

    @Test func stringThatIsNotUTF8IsRefused() {
        fault(.badData, "not UTF-8") { try open { $0.pair("k", .string, littleEndian(UInt64(1)) + [0xFF]) } }
    }

    @Test func headerThatEndsEarlyIsRefused() {
        var builder = GGUFBuilder()
        builder.set("key", "value")
        builder.tensor("t", [4])
        let file = builder.file
        for length in 4..<file.count - 16 {
            fault(.badData) { try open(Array(file[..<length])) }
        }
    }

    @Test(arguments: [UInt32(0), 13]) func alignmentThatIsNoPowerOfTwoIsRefused(alignment: UInt32) {
        fault(.badData, "power of two", "\(alignment)") { try open { $0.set("general.alignment", alignment) } }
    }

    @Test func alignmentOfAnotherTypeIsRefused() {
        fault(.badData, "wrong type", "general.alignment") { try open { $0.set("general.alignment", "32") } }
        fault(.badData, "wrong type", "general.alignment") {
            try open { $0.pair("general.alignment", .uint64, littleEndian(UInt64(32))) }
        }
    }

    @Test func otherAlignmentIsFollowed() throws {
        let file = try open {
            $0.alignment = 64
            $0.set("general.alignment", UInt32(64))
            $0.tensor("a", [1])
            $0.tensor("b", [1])
        }
        #expect(file.entries[1].offset - file.entries[0].offset == 64)
    }

    @Test func fiveDimensionsAreRefused() {
        fault(.badData, "too many dimensions", "5") {
            try open { $0.tensor("t", [1, 1, 1, 1, 1], data: [0, 0, 0, 0]) }
        }
    }

    @Test(arguments: [
        [UInt64(1) << 32, 1 << 32], [1 << 61, 4], [UInt64.max], [1 << 62], [0, 1 << 62, 4], [1 << 62, 4, 0],
    ])
    func sizeOverflowIsRefused(sizes: [UInt64]) {
        fault(.badData, "tensor 't'") { try open { $0.tensor("t", sizes, data: [0, 0, 0, 0]) } }
    }

    @Test func sumOfTensorsThatOverflowsIsRefused() {
        let large = (0..<3).map { TensorDescription(name: "t\($0)", shape: [1 << 51], type: .f32) }
        fault(.badData, "too large together", "tensor 't2'") { try TensorDescription.checkTotal(large, file: "x") }
    }

    @Test func shapesOfFilesAreCheckedInEveryOrder() {
        for shape in [[0, 1 << 62, 4], [1 << 62, 4, 0], [1 << 53], [-1]] {
            fault(.badData, "overflows") { try TensorDescription(told: "t", shape: shape, type: .f32, file: "x") }
            #expect(TensorDescription(name: "t", shape: shape, type: .f64).byteCount > 0)
        }
    }

    @Test func aListOfStringsStaysPacked() throws {
        let texts = ["", "a", String(repeating: "é", count: 3000), "z"]
        let file = try open { $0.set("list", texts) }
        #expect(try file.metadata.packedStrings("list").map(Array.init) == texts)
        fault(.badData, "wrong type", "an array of 4 strings") { try file.metadata.integer("list") }
    }

    @Test func sumOfSizesThatOverflowsIsRefused() {
        fault(.badData, "incomplete") {
            try open { $0.tensor("t", [1 << 50], data: [0, 0, 0, 0]) }
        }
    }

    @Test func tensorNamesAreBoundedAndUnique() {
        fault(.badData, "too long", "64 bytes") { try open { $0.tensor(String(repeating: "n", count: 64), [1]) } }
        fault(.badData, "appears twice", "tensor 't'") {
            try open {
                $0.tensor("t", [8])
                $0.tensor("t", [8])
            }
        }
    }

    @Test(arguments: [(UInt32(10), "Q2_K"), (23, "IQ4_XS"), (39, "MXFP4"), (1000, "1000")])
    func unsupportedTensorTypesAreRefusedByName(code: UInt32, name: String) {
        fault(.badData, "tensor type \(name) is not supported", "Q4_K") {
            try open { $0.tensor("t", [256], type: code, data: [UInt8](repeating: 0, count: 256)) }
        }
    }

    @Test func rowThatIsNotWholeBlocksIsRefused() {
        fault(.badData, "whole blocks of Q8_0", "33") {
            try open { $0.tensor("t", [33, 32], type: 8, data: [UInt8](repeating: 0, count: 34 * 33)) }
        }
    }

    @Test(arguments: [UInt64(0), 16, 64, 1 << 63]) func offsetsThatAreNotSequentialAreRefused(offset: UInt64) {
        fault(.badData, "does not follow", "tensor 'b'", "offset 32") {
            try open {
                $0.tensor("a", [4])
                $0.tensor("b", [4], offset: offset, data: [UInt8](repeating: 0, count: 16))
            }
        }
    }

    @Test func missingDataIsRefused() {
        fault(.badData, "incomplete", "tensor 't'") { try open { $0.tensor("t", [4], data: [0, 0, 0, 0]) } }
    }

    @Test func trailingBytesAreCounted() throws {
        let file = try open {
            $0.tensor("t", [8])
            $0.data += [UInt8](repeating: 0, count: 5)
        }
        #expect(file.trailingBytes == 5)
    }
}
