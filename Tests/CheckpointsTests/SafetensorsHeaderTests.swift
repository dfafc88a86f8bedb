import Faults
import Testing

@testable import Checkpoints

/// Every rule of the format, broken one at a time.
struct SafetensorsHeaderTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func open(_ bytes: [UInt8]) throws -> SafetensorsFile {
        try SafetensorsFile(try folder.write("x.safetensors", bytes))
    }

    private func open(_ header: String, data: Int = 0) throws -> SafetensorsFile {
        try open(safetensors(header, data: data))
    }

    /// One tensor "t" with the given entry.
    private func entry(_ dtype: String, _ shape: String, _ offsets: String, data: Int = 16) throws -> SafetensorsFile {
        try open("{\"t\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}}", data: data)
    }

    @Test(arguments: [0, 1, 7])
    func fileBelowEightBytesIsRefusedAsTooSmall(size: Int) {
        fault(.badData, "too small", "x.safetensors", "\(size) bytes") {
            try open([UInt8](repeating: 0, count: size))
        }
    }

    @Test(arguments: [UInt64(1) << 63, .max, UInt64(bitPattern: -8), 100_000_001])
    func hugeHeaderLengthIsRefusedWithoutAllocation(length: UInt64) {
        fault(.badData, "header is too large", "\(length)") { try open(littleEndian(length) + Array("{}".utf8)) }
    }

    @Test func lengthBeyondFileIsRefusedAsTruncated() {
        fault(.badData, "download cut off", "1008 bytes") { try open(littleEndian(UInt64(1000)) + Array("{}".utf8)) }
    }

    @Test func moreDimensionsThanAnyTensorHasAreRefused() throws {
        let ones = "[" + Array(repeating: "1", count: 65).joined(separator: ",") + "]"
        fault(.badData, "more than 64 elements") { try entry("F32", ones, "[0,4]", data: 4) }
        fault(.badData, "product is too large") { try entry("F32", "[0,4611686018427387904,4]", "[0,0]", data: 0) }
    }

    @Test func headerThatIsNotUTF8IsRefused() {
        let header: [UInt8] = Array("{\"".utf8) + [0xFF, 0xFE] + Array("\":1}".utf8)
        fault(.badData, "UTF-8") { try open(littleEndian(UInt64(header.count)) + header) }
    }

    @Test(arguments: ["{", "[]", "", " {}", "\u{FEFF}{}", "{}x", "null", "{\"a\" 1}"])
    func headerThatIsNotAJSONObjectIsRefused(header: String) {
        fault(.badData, "header") { try open(header) }
    }

    @Test func deeplyNestedHeaderIsRefusedWithoutStackOverflow() {
        fault(.badData, "nested") { try open("{\"t\":" + String(repeating: "[", count: 100_000)) }
    }

    @Test func duplicateTensorNameIsRefused() {
        let entry = "\"t\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}"
        fault(.badData, "twice", "tensor 't'") { try open("{\(entry),\(entry)}", data: 4) }
    }

    @Test(arguments: [
        "{\"__metadata__\":{},\"__metadata__\":{}}", "{\"__metadata__\":{\"a\":1}}", "{\"__metadata__\":[]}",
        "{\"__metadata__\":{\"a\":null}}", "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}",
    ])
    func malformedMetadataIsRefused(header: String) {
        fault(.badData, "__metadata__") {
            do { return try open(header) } catch let fault as Fault where fault.summary.contains("twice") {
                throw Fault(.badData, fault.summary + " __metadata__")
            }
        }
    }

    @Test func unknownTypeIsRefusedWithTheSupportedOnes() {
        fault(.badData, "unknown dtype", "F31", "BF16") { try entry("F31", "[4]", "[0,16]") }
    }

    @Test(arguments: ["F8_E4M3", "F8_E5M2", "F8_E8M0"])
    func eightBitFloatIsRefusedAsQuantised(type: String) {
        fault(.badData, "quantized", type, "dequantize it first") { try entry(type, "[16]", "[0,16]") }
    }

    @Test func fourBitFloatIsRefusedAsQuantised() {
        fault(.badData, "quantized", "F4") { try entry("F4", "[32]", "[0,16]") }
    }

    @Test(arguments: ["[-1]", "[4.0]", "[1e3]", "[9223372036854775808]", "[\"4\"]", "[[4]]", "[true]", "4"])
    func shapeThatIsNotNaturalNumbersIsRefused(shape: String) {
        fault(.badData, "shape", "tensor 't'") { try entry("F32", shape, "[0,16]") }
    }

    @Test(arguments: ["[2,9223372036854775807]", "[4294967296,4294967296]", "[9223372036854775807]"])
    func shapeProductOverflowIsRefused(shape: String) {
        fault(.badData, "too large", "tensor 't'") { try entry("F32", shape, "[0,16]") }
    }

    @Test func swappedOffsetsAreRefused() {
        fault(.badData, "swapped") { try entry("F32", "[4]", "[16,0]") }
    }

    @Test(arguments: ["[0]", "[0,16,16]", "[-16,0]", "[0,16.0]", "\"0,16\"", "[0,18446744073709551615]"])
    func malformedOffsetsAreRefused(offsets: String) {
        fault(.badData, "data_offsets", "tensor 't'") { try entry("F32", "[4]", offsets) }
    }

    @Test func overlappingTensorsAreRefused() {
        let entries = (0..<20_000).map { "\"t\($0)\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}" }
        fault(.badData, "overlaps") { try open("{\(entries.joined(separator: ","))}", data: 16) }
    }

    @Test func holeBetweenTensorsIsRefused() {
        let header = """
            {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[8,12]}}
            """
        fault(.badData, "hole", "tensor 'b'") { try open(header, data: 12) }
    }

    @Test func firstOffsetAboveZeroIsRefused() {
        fault(.badData, "hole", "tensor 't'") { try entry("U8", "[4]", "[4,8]", data: 8) }
    }

    @Test func dataLengthThatDoesNotFitTheShapeIsRefused() {
        fault(.badData, "does not match", "16 bytes", "20 bytes for F32 [5]") { try entry("F32", "[5]", "[0,16]") }
    }

    @Test func bytesAfterTheLastTensorAreRefused() {
        fault(.badData, "3 extra bytes") { try entry("F32", "[4]", "[0,16]", data: 19) }
    }

    @Test func missingBytesAtTheEndAreRefusedAsIncomplete() {
        fault(.badData, "incomplete", "expected") { try entry("F32", "[4]", "[0,16]", data: 14) }
    }

    @Test func scalarAndEmptyTensorsAreAccepted() throws {
        let file = try open(
            """
            {"scalar":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"empty":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]}}
            """, data: 4)
        #expect(file.tensor("scalar")?.count == 1)
        #expect(file.tensor("empty")?.count == 0)
        #expect(try file.bytes("empty").isEmpty)
    }

    @Test func subByteTensorThatDoesNotFillBytesIsRefused() {
        fault(.badData, "whole bytes") { try entry("F4", "[3]", "[0,2]", data: 2) }
    }

    @Test(arguments: [
        "{\"t\":{\"dtype\":\"U8\",\"shape\":[4]}}", "{\"t\":[]}",
        "{\"t\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"extra\":1}}",
    ])
    func entryWithMissingOrUnknownKeysIsRefused(header: String) {
        fault(.badData, "malformed", "tensor 't'") { try open(header, data: 4) }
    }

    @Test func gitLFSPointerIsRecognised() {
        fault(.badData, "Git LFS pointer", "git lfs pull") {
            try open(Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n".utf8))
        }
    }

    @Test(arguments: ["<!DOCTYPE html><html>", "\n  <HTML lang=\"en\">"])
    func webPageIsRecognised(text: String) {
        fault(.badData, "HTML page") { try open(Array(text.utf8)) }
    }

    @Test func tensorNamesAreComparedByBytes() throws {
        let file = try open(
            """
            {"\u{E9}":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"e\u{301}":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}
            """, data: 3)
        #expect(file.tensor("\u{E9}")?.shape == [1])
        #expect(file.tensor("e\u{301}")?.shape == [2])
    }

    /// Damaged files may be refused or, where the damage means nothing, opened; they never trap.
    @Test func randomDamageNeverTraps() throws {
        let whole = safetensors([("first", [2, 3], [1, 2, 3, 4, 5, 6]), ("second", [1], [7])])
        let alphabet = Array("0123456789-.eE[]{}\",:\\u \n".utf8) + [0, 0x7F, 0x80, 0xFF]
        var state: UInt64 = 1
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var opened = 0
        for _ in 0..<1000 {
            var bytes = whole
            for _ in 0...random(3) {
                bytes[random(random(2) == 0 ? 9 : bytes.count)] = alphabet[random(alphabet.count)]
            }
            if random(8) == 0 { bytes.removeLast(random(bytes.count)) }
            do {
                let file = try open(bytes)
                for tensor in file.tensors { _ = try file.bytes(tensor.name) }
                opened += 1
            } catch let fault as Fault { #expect(fault.kind == .badData) }
        }
        #expect(opened > 0 && opened < 1000)
    }
}
