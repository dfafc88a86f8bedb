import Faults
import JSONText
import Testing

@testable import Checkpoints
@testable import Files

/// Values and sizes of files that are used before anything else would notice.
struct UntrustedSizeTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    @Test func memoryThatThereIsNotIsRefusedBeforeItIsTaken() throws {
        fault(.interrupted, "not enough memory", "MB free") { try FreeMemory.check(1 << 60, for: "this") }
        try FreeMemory.check(1 << 20, for: "this")
        #expect(FreeMemory.free().map { $0 > 0 } ?? true)
    }

    @Test func aConfigurationLargerThanAnyIsRefusedUnread() throws {
        let path = try folder.write("config.json", [UInt8](repeating: 0x20, count: JSONFile.sizeLimit + 1))
        fault(.badData, "too large", "config.json") { try JSONFile.object(path) }
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
            try GGUFTokenizerParts.sentencePiece(metadata, tokens: ["a"], kinds: [1], vocabulary: JSONObject())
        }
    }
}
