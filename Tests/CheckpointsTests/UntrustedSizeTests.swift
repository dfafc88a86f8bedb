import Faults
import JSONText
import Testing

@testable import Checkpoints
@testable import Files

/// Values and sizes of files that are used before anything else would notice.
struct UntrustedSizeTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func packed(_ strings: [String]) throws -> PackedStrings {
        let bytes = strings.flatMap { littleEndian(UInt64($0.utf8.count)) + Array($0.utf8) }
        var cursor = GGUFCursor(try InputFile(try folder.write("strings", littleEndian(UInt64(strings.count)) + bytes)))
        return try PackedStrings(&cursor, "strings")
    }

    @Test func memoryThatThereIsNotIsRefusedBeforeItIsTaken() throws {
        fault(.interrupted, "not enough memory", "MB free") { try FreeMemory.check(1 << 60, for: "this") }
        try FreeMemory.check(1 << 20, for: "this")
        #expect(FreeMemory.free().map { $0 > 0 } ?? true)
    }

    @Test func aConfigurationLargerThanAnyIsRefusedUnread() throws {
        let path = try folder.write("config.json", [UInt8](repeating: 0x20, count: JSONFile.sizeLimit + 1))
        fault(.badData, "too large", "config.json") { try JSONFile.object(path) }
    }

    @Test func anIndexOfMoreTensorsOrFilesThanAnyModelHasIsRefused() throws {
        func index(_ entries: some Sequence<String>) throws -> ShardIndex {
            try folder.write(ShardIndex.fileName, "{\"weight_map\":{\(entries.joined(separator: ","))}}")
            return try ShardIndex(folder: folder.path)
        }
        let found = try index([#""b":"y.safetensors""#, #""a":"x.safetensors""#, #""c":"./y.safetensors""#])
        #expect(found.files == ["x.safetensors", "y.safetensors"])
        #expect(found.tensors.map(\.name) == ["b", "a", "c"] && found.tensors.map(\.file) == [1, 0, 1])
        fault(.badData, "appears twice", "weight_map") {
            try index([#""a":"x.safetensors""#, #""a":"y.safetensors""#])
        }
        fault(.badData, "too many files", "at most 16384") {
            try index((0...ShardIndex.mostFiles).map { "\"\($0)\":\"\($0).safetensors\"" })
        }
        fault(.badData, "too many tensors", "at most 262144") {
            try index((0...ShardIndex.mostTensors).map { "\"\($0)\":\"x.safetensors\"" })
        }
    }

    @Test func aHeaderOfMoreTensorsThanAnyFileHasIsRefused() throws {
        func header(_ count: Int) throws -> SafetensorsFile {
            let entries = (0..<count).map { "\"\($0)\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}" }
            return try SafetensorsFile(
                folder.write("x.safetensors", safetensors("{\(entries.joined(separator: ","))}")))
        }
        fault(.badData, "too many tensors", "at most 65536") { try header(SafetensorsHeader.mostTensors + 1) }
    }

    @Test func metadataOfAHeaderThatWouldTakeManyTimesItsTextIsRefused() throws {
        let members = (0..<200_000).map { "\"\($0)\":\"\"" }.joined(separator: ",")
        let path = try folder.write("x.safetensors", safetensors("{\"__metadata__\":{\(members)}}"))
        fault(.badData, "too much memory", "x.safetensors") { try SafetensorsFile(path) }
    }

    @Test func aVocabularyOfMoreControlTokensThanAnyIsRefused() throws {
        let count = GGUFTokenizer.mostAdded + 1
        var metadata = GGUFMetadata(file: "x.gguf")
        _ = metadata.insert("tokenizer.ggml.model", .string("gpt2"))
        _ = metadata.insert("tokenizer.ggml.tokens", .strings(try packed((0..<count).map(String.init))))
        let kinds = (0..<count).flatMap { _ in littleEndian(Int32(GGUFTokenizer.TokenKind.control)) }
        _ = metadata.insert("tokenizer.ggml.token_type", .packed(kinds, .int32))
        fault(.badData, "cut out of the text", "\(count) control", "token_type") { try GGUFTokenizer(metadata) }
    }

    @Test(arguments: [
        #"{"torch_dtype": 5}"#, #"{"dtype": ["float32"]}"#, #"{"eos_token_id": "2"}"#, #"{"eos_token_id": [1, 2.5]}"#,
        #"{"bos_token_id": true}"#, #"{"pad_token_id": {}}"#,
    ])
    func keysOfAnotherTypeAreRefused(json: String) throws {
        let object = try #require(try JSONValue(parsing: json).objectValue)
        fault(.badData, "cannot be used", object.keys[0]) {
            try KeyTypes.check(ConfigurationReader(object, file: "config.json"))
        }
    }

    @Test func keysOfTheUsualTypesAreRead() throws {
        let json = #"{"torch_dtype": "float32", "dtype": null, "eos_token_id": [1, 2], "pad_token_id": -1}"#
        try KeyTypes.check(
            ConfigurationReader(try JSONValue(parsing: json).objectValue ?? JSONObject(), file: "config.json"))
    }

    @Test func storedPartsAreTheWhole() throws {
        // Of more than one part, the last one short.
        let values = (0..<(1 << 20) + 3).map { Float($0) }
        let path = try folder.write("x.safetensors", safetensors([("t", [values.count], values)]))
        let file = try SafetensorsFile(path)
        var found: [UInt8] = []
        try file.parts("t") { (part) throws(Fault) in found += part }
        #expect(try found == file.bytes("t"))
    }

    @Test func scoresThatAreNoNumbersAndImpossibleVocabulariesAreRefused() throws {
        var metadata = GGUFMetadata(file: "x.gguf")
        let nan = Float.nan.bitPattern
        _ = metadata.insert("tokenizer.ggml.scores", .packed(littleEndian(nan), .float32))
        fault(.badData, "score is not a number", "id 0") {
            let vocabulary = try GGUFVocabulary(try packed(["a"]), file: "x.gguf")
            return try GGUFTokenizerParts.sentencePiece(metadata, kinds: [1], vocabulary: vocabulary)
        }
    }
}
