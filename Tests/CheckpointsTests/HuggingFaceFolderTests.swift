import Faults
import Foundation
import JSONText
import Testing

@testable import Checkpoints

struct HuggingFaceFolderTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func configuration(_ more: String = "") throws {
        try folder.write("config.json", "{\"model_type\":\"llama\"\(more)}")
    }

    private func weights(_ name: String, _ tensors: String...) throws {
        try folder.write(name, safetensors(tensors.map { ($0, [2], [1, 2]) }))
    }

    private func index(_ map: String, size: Int = 16) throws {
        try folder.write(
            "model.safetensors.index.json", "{\"metadata\":{\"total_size\":\(size)},\"weight_map\":{\(map)}}")
    }

    private func open() throws -> Checkpoint { try Checkpoint.open(folder.path) }

    @Test func singleFileIsRead() throws {
        try configuration()
        try folder.write("model.safetensors", safetensors([("a", [2], [1, -2]), ("b", [1, 1], [3])]))
        let model = try open()
        #expect(model.tensors.map(\.name) == ["a", "b"])
        #expect(try model.floats("a") == [1, -2])
        #expect(try model.storedBytes("b") == bytes(of: [3]))
        #expect(model.tensors.map(\.byteCount) == [8, 4] && model.parameterCount == 3)
        #expect(model.weightType == .f32 && !model.isQuantised && model.warnings.isEmpty)
        #expect(model.weightFile(of: "a") == "model.safetensors")
        fault(.badData, "no such tensor", "'c'") { try model.floats("c") }
    }

    @Test func sixteenBitWeightsAreWidened() throws {
        try configuration()
        let header = """
            {"b":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"h":{"dtype":"F16","shape":[1],"data_offsets":[4,6]},"i":{"dtype":"I64","shape":[1],"data_offsets":[6,14]}}
            """
        var file = safetensors(header)
        file += [0x80, 0x3F, 0x00, 0xC0, 0x00, 0x38] + [UInt8](repeating: 0, count: 8)
        try folder.write("model.safetensors", file)
        let model = try open()
        #expect(try model.floats("b") == [1, -2])
        #expect(try model.floats("h") == [0.5])
        #expect(model.weightType == .bf16)
        fault(.badData, "floating-point", "I64") { try model.floats("i") }
    }

    @Test func shardsAreReadThroughTheIndex() throws {
        try configuration()
        try weights("model-00001-of-00002.safetensors", "a")
        try weights("model-00002-of-00002.safetensors", "b")
        try index(#""a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors""#)
        let model = try open()
        #expect(model.warnings.isEmpty)
        #expect(try model.floats("b") == [1, 2])
        #expect(model.weightFile(of: "b") == "model-00002-of-00002.safetensors")
    }

    @Test func missingShardsAreAllNamed() throws {
        try configuration()
        try weights("x1.safetensors", "a")
        try index(#""a":"x1.safetensors","b":"x2.safetensors","c":"x3.safetensors""#)
        fault(.missingInput, "2 of 3 shards", "x2.safetensors, x3.safetensors") { try open() }
    }

    @Test(arguments: [
        #""../../x.safetensors""#, #""/etc/x.safetensors""#, #""a/b.safetensors""#, #""x\u0000.safetensors""#, "1",
        #"".""#, #""..""#, #""""#, #""a\\b.safetensors""#, #""pytorch_model.bin""#,
    ])
    func indexThatNamesFilesElsewhereIsRefused(value: String) throws {
        try configuration()
        try index("\"a\":\(value)")
        fault(.badData, "index lists something other", "tensor 'a'") { try open() }
    }

    @Test func linkOutOfTheFolderIsRefused() throws {
        let model = try folder.folder("model")
        try folder.write("elsewhere", safetensors([("a", [1], [1])]))
        try folder.write("model/config.json", #"{"model_type":"llama"}"#)
        try FileManager.default.createSymbolicLink(
            atPath: model + "/model.safetensors", withDestinationPath: "../elsewhere")
        fault(.badData, "leads out of the model's folder") { try Checkpoint.open(model) }
    }

    @Test func linksOfTheHubsCacheAreFollowed() throws {
        let snapshot = try folder.folder("models--x/snapshots/0123")
        try folder.folder("models--x/blobs")
        try folder.write("models--x/blobs/w", safetensors([("a", [1], [1])]))
        try folder.write("models--x/snapshots/0123/config.json", #"{"model_type":"llama"}"#)
        try FileManager.default.createSymbolicLink(
            atPath: snapshot + "/model.safetensors", withDestinationPath: "../../blobs/w")
        #expect(try Checkpoint.open(snapshot).floats("a") == [1])
    }

    @Test func tensorThatNoShardHoldsIsAWarning() throws {
        try configuration()
        try weights("x1.safetensors", "a")
        try index(#""a":"x1.safetensors","b":"x1.safetensors""#, size: 8)
        let model = try open()
        #expect(model.tensors.map(\.name) == ["a"])
        #expect(model.warnings.count == 1 && model.warnings[0].contains("no shard holds: b"))
        // Where the model needs it, this is the reason that is told.
        let cause = try #require(model.cause(ofUnusable: "b"))
        #expect(cause.kind == .badData && cause.description.contains("no such tensor in x1.safetensors"))
        #expect(model.cause(ofUnusable: "c") == nil)
    }

    @Test func tensorInAnotherShardThanTheIndexSaysIsAWarning() throws {
        try configuration()
        try weights("x1.safetensors", "a")
        try weights("x2.safetensors", "b")
        try index(#""a":"x2.safetensors","b":"x1.safetensors""#)
        let model = try open()
        #expect(model.warnings.contains { $0.contains("another shard") && $0.contains("a, b") })
        #expect(model.weightFile(of: "a") == "x1.safetensors")
    }

    @Test func tensorsThatTheIndexDoesNotNameAreAWarning() throws {
        try configuration()
        try weights("x1.safetensors", "a", "b")
        try index(#""a":"x1.safetensors""#)
        #expect(try open().warnings.contains { $0.contains("does not name: b") })
    }

    @Test func tensorInTwoShardsIsRefused() throws {
        try configuration()
        try weights("x1.safetensors", "a")
        try folder.write("x2.safetensors", safetensors([("a", [2], [1, 3]), ("b", [2], [1, 2])]))
        try index(#""a":"x1.safetensors","b":"x2.safetensors""#)
        fault(.badData, "two shards", "tensor 'a'", "x1.safetensors") { try open() }
    }

    @Test(arguments: ["NaN", "Infinity", "-Infinity"])
    func whatIsNoNumberInAKeyThatIsNotReadStays(_ word: String) throws {
        try configuration(",\"limits\":[0.0,\(word)]")
        try weights("model.safetensors", "a")
        #expect(try open().configuration["limits"]?.text(pretty: false) == "[0.0,\(word)]")
        try configuration(",\"limits\":\(word)x")
        fault(.badData, "invalid JSON") { try open() }
    }

    @Test func theSameNumbersInTwoShardsAreReadOnce() throws {
        try configuration()
        try weights("x1.safetensors", "a")
        try weights("x2.safetensors", "a", "b")
        try index(#""a":"x1.safetensors","b":"x2.safetensors""#)
        #expect(try open().tensors.map(\.name) == ["a", "b"])
    }

    @Test func shardsNamedFromTheFolderItselfAreRead() throws {
        try configuration()
        try weights("x1.safetensors", "a")
        try index(#""a":"./x1.safetensors""#, size: 8)
        let model = try open()
        #expect(try model.floats("a") == [1, 2] && model.warnings.isEmpty)
    }

    @Test func shardsInAFolderBelowSayWhatToDo() throws {
        try configuration()
        try index(#""a":"shards/x1.safetensors""#)
        fault(.badData, "index lists something other", "shards/x1.safetensors", "into one folder") { try open() }
    }

    @Test(arguments: ["{", #"{"weight_map":{}}"#, "[]", ""])
    func indexThatCannotBeReadBesideTheWholeFileIsPassedOverWithAWarning(_ text: String) throws {
        try configuration()
        try folder.write("model.safetensors.index.json", text)
        fault(.badData, "model.safetensors.index.json") {
            try weights("model-00001-of-00001.safetensors", "a")
            return try open()
        }
        try weights("model.safetensors", "a")
        let model = try open()
        #expect(try model.floats("a") == [1, 2])
        #expect(model.warnings.contains { $0.contains("this index cannot be read") })
    }

    @Test func shardsThatTheIndexDoesNotNameAreTheReasonWhereATensorIsMissing() throws {
        try configuration()
        try weights("model-00001-of-00002.safetensors", "a")
        try weights("model-00002-of-00002.safetensors", "b")
        try index(#""a":"model-00001-of-00002.safetensors""#, size: 8)
        let cause = try #require(try open().cause(ofUnusable: "b"))
        #expect(cause.summary.contains("does not name all shards"))
        #expect(cause.found?.contains("model-00002-of-00002.safetensors") == true)
    }

    @Test func wrongTotalSizeIsAWarning() throws {
        try configuration()
        try weights("x1.safetensors", "a", "b")
        try index(#""a":"x1.safetensors","b":"x1.safetensors""#, size: 17)
        #expect(try open().warnings.contains { $0.contains("total_size is 17") && $0.contains("16 bytes") })
    }

    @Test func staleIndexIsPassedOverWithAWarning() throws {
        try configuration()
        try weights("model.safetensors", "a")
        try weights("x1.safetensors", "old")
        try index(#""old":"x1.safetensors","gone":"x2.safetensors""#)
        let model = try open()
        #expect(model.tensors.map(\.name) == ["a"] && model.weightFile(of: "a") == "model.safetensors")
        #expect(model.warnings.count == 1 && model.warnings[0].contains("x2.safetensors"))
        #expect(model.filesLeft == ["x1.safetensors"])
    }

    @Test(arguments: [("a", Float(3)), ("b", 2)]) func twoModelsInAFolderAreRefused(_ name: String, _ value: Float)
        throws
    {
        try configuration()
        try folder.write("model.safetensors", safetensors([("a", [2], [1, 2])]))
        try folder.write("x1.safetensors", safetensors([(name, [2], [1, value])]))
        try index("\"\(name)\":\"x1.safetensors\"")
        fault(.badData, "two models", "model.safetensors.index.json", "x1.safetensors", "tensor 'a'") { try open() }
    }

    @Test func shardsWithMoreTensorsThanTheSingleFileAreRefused() throws {
        try configuration()
        try weights("model.safetensors", "a")
        try weights("x1.safetensors", "a", "b")
        try index(#""a":"x1.safetensors","b":"x1.safetensors""#)
        fault(.badData, "two models", "tensor 'b'") { try open() }
    }

    @Test func theSameWeightsTwiceAreReadWithAWarning() throws {
        try configuration()
        try weights("model.safetensors", "a", "b")
        try weights("x1.safetensors", "b", "a")
        try index(#""a":"x1.safetensors","b":"x1.safetensors""#)
        #expect(try open().warnings.count == 1)
        // An index of the single file is no second model.
        try index(#""a":"model.safetensors","b":"model.safetensors""#)
        #expect(try open().warnings.isEmpty)
    }

    @Test func pickledWeightsAreNeverOpened() throws {
        try configuration()
        let path = try folder.write("pytorch_model.bin", "cos\nsystem\n")
        fault(.badData, "run code", "pytorch_model.bin", "save_pretrained") { try open() }
        fault(.badData, "run code") { try Checkpoint.open(path) }
    }

    @Test func folderWithoutWeightsIsMissingInput() throws {
        try configuration()
        fault(.missingInput, "no model.safetensors", "config.json", "espalier plan") { try open() }
        fault(.missingInput, "does not exist") { try Checkpoint.open(folder.path("nothing")) }
    }

    private func describe() throws -> Checkpoint {
        try Checkpoint.open(folder.path) { (_, _) throws(Fault) in [("a", [2, 3]), ("b", [4])] }
    }

    @Test(arguments: [
        ("", StoredType.f32), (#","torch_dtype":"bfloat16""#, .bf16), (#","dtype":"float16","torch_dtype":null"#, .f16),
    ])
    func aConfigurationAloneDescribesTensorsThatCannotBeRead(_ more: String, _ type: StoredType) throws {
        try configuration(more)
        try folder.write("tokenizer.json", "{}")
        // An index is no weights.
        try index(#""a":"model-00001-of-00001.safetensors""#)
        let model = try describe()
        #expect(!model.hasWeights && model.weightType == type && !model.isQuantised)
        #expect(model.tensors.map(\.name) == ["a", "b"] && model.tensors.map(\.shape) == [[2, 3], [4]])
        #expect(model.tensors.allSatisfy { $0.type == type } && model.parameterCount == 10)
        #expect(model.sideFiles.map(\.name) == ["tokenizer.json"] && model.weightFile(of: "a") == nil)
        fault(.missingInput, "no weights", "espalier plan") { try model.floats("a") }
        fault(.missingInput, "no weights") { try model.storedBytes("b") }
        fault(.missingInput, "no weights") { try model.checkUnchanged() }
        fault(.missingInput, "1 of 1 shards", "espalier plan") { try open() }
    }

    @Test func weightsAreNotOverlookedForAConfiguration() throws {
        try configuration()
        try weights("model.safetensors", "a")
        #expect(try describe().hasWeights)
        try FileManager.default.removeItem(atPath: folder.path("model.safetensors"))
        try folder.write("pytorch_model.bin", "cos\nsystem\n")
        fault(.badData, "run code") { try describe() }
    }

    @Test(arguments: ["\"float8_e4m3fn\"", "\"auto\"", "16"])
    func aConfigurationAloneWithAnotherNumberTypeIsRefused(_ value: String) throws {
        try configuration(",\"torch_dtype\":\(value)")
        fault(.badData, "torch_dtype", "bfloat16") { try describe() }
    }

    @Test func missingConfigurationIsMissingInput() throws {
        try weights("model.safetensors", "a")
        fault(.missingInput, "no config.json") { try open() }
    }

    @Test func byteOrderMarkInConfigurationIsTolerated() throws {
        try folder.write("config.json", "\u{FEFF}{\"model_type\":\"llama\"}")
        try weights("model.safetensors", "a")
        #expect(try open().configuration["model_type"]?.stringValue == "llama")
    }

    @Test(arguments: ["{\"model_type\":\"llama\",}", "{\"a\":nan}", "[]", "{", "{\"a\":1,\"a\":2}"])
    func damagedConfigurationIsRefusedWithItsPlace(text: String) throws {
        try folder.write("config.json", text)
        fault(.badData, "config.json", "line 1, column") { try open() }
    }

    @Test(arguments: ["{}", "{\"model_type\":7}", "{\"model_type\":null}"])
    func configurationFaultsNameTheKey(text: String) throws {
        try folder.write("config.json", text)
        fault(.badData, "config.json", "key 'model_type'") { try open() }
    }

    @Test func nestedKeysAreNamedByTheirPath() throws {
        let json = try JSONValue(parsing: #"{"rope_scaling":{"factor":"8"},"n":1e400,"big":1.5}"#)
        let reader = ConfigurationReader(try #require(json.objectValue), file: "config.json")
        fault(.badData, "rope_scaling.factor", "the string \"8\"") { try reader.inner("rope_scaling").number("factor") }
        fault(.badData, "n", "finite") { try reader.number("n") }
        fault(.badData, "big", "a positive integer") { try reader.positive("big") }
        fault(.badData, "rope_scaling.type", "nothing") { try reader.inner("rope_scaling").requiredText("type") }
        #expect(try reader.optionalFlag("absent") == nil && reader.optionalObject("absent") == nil)
    }

    @Test func quantisedCheckpointIsRefused() throws {
        try configuration(#","quantization_config":{"quant_method":"gptq"}"#)
        try weights("model.safetensors", "a")
        fault(.badData, "quantized already", "quantization_config", "gptq") { try open() }
    }

    @Test func remoteCodeIsIgnoredWithOneWarning() throws {
        try configuration(#","auto_map":{"AutoModel":"modeling_x.X"}"#)
        try weights("model.safetensors", "a")
        try folder.write("modeling_x.py", "raise SystemExit")
        let model = try open()
        #expect(model.warnings.count == 1)
        #expect(model.warnings.first?.contains("never run") == true)
        #expect(!model.sideFiles.contains { $0.name.hasSuffix(".py") })
    }

    @Test func tiedHeadIsLeftOut() throws {
        try configuration(#","tie_word_embeddings":true"#)
        try folder.write(
            "model.safetensors",
            safetensors([("lm_head.weight", [1, 2], [1, 2]), ("model.embed_tokens.weight", [1, 2], [1, 2])]))
        let model = try open()
        #expect(model.tiesWordEmbeddings && model.warnings.isEmpty)
        #expect(model.tensors.map(\.name) == ["model.embed_tokens.weight"])
    }

    @Test func tiedHeadInAnotherTypeIsLeftOutWhereItsValuesAreTheSame() throws {
        try configuration(#","tie_word_embeddings":true"#)
        let header = """
            {"lm_head.weight":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"model.embed_tokens.weight":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}
            """
        let half: [UInt8] = [0x00, 0x3C, 0x00, 0xC0]
        try folder.write("model.safetensors", safetensors(header) + half + bytes(of: [1, -2]))
        #expect(try open().tensors.map(\.name) == ["model.embed_tokens.weight"])
        try folder.write("model.safetensors", safetensors(header) + half + bytes(of: [1, -2.5]))
        #expect(try open().tensors.count == 2)
    }

    @Test func tiedHeadThatDiffersIsAMatrixOfItsOwn() throws {
        try configuration(#","tie_word_embeddings":true"#)
        try folder.write(
            "model.safetensors",
            safetensors([("lm_head.weight", [1, 2], [9, 2]), ("model.embed_tokens.weight", [1, 2], [1, 2])]))
        let model = try open()
        #expect(!model.tiesWordEmbeddings && model.configuration["tie_word_embeddings"]?.boolValue == false)
        #expect(try model.floats("lm_head.weight") == [9, 2])
        #expect(model.warnings.count == 1 && model.warnings[0].contains("lm_head.weight differs"))
    }

    @Test func tiedMatrixMayBeStoredAsTheHead() throws {
        try configuration(#","tie_word_embeddings":true"#)
        try folder.write(
            "model.safetensors", safetensors([("a", [1], [5]), ("lm_head.weight", [1, 2], [9, 2])]))
        let model = try open()
        #expect(model.tiesWordEmbeddings && model.warnings.isEmpty)
        #expect(model.tensors.map(\.name) == ["a", "model.embed_tokens.weight"])
        #expect(try model.floats("model.embed_tokens.weight") == [9, 2])
        #expect(try model.storedBytes("model.embed_tokens.weight") == bytes(of: [9, 2]))
        #expect(model.weightFile(of: "model.embed_tokens.weight") == "model.safetensors")
    }

    @Test func untiedHeadIsKept() throws {
        try configuration()
        try weights("model.safetensors", "lm_head.weight", "model.embed_tokens.weight")
        #expect(try open().tensor("lm_head.weight") != nil)
    }

    @Test func sideFilesAreFoundAndCopiedByteForByte() throws {
        try configuration()
        try weights("model.safetensors", "a")
        let kept = [
            "LICENSE", "NOTICE.txt", "added_tokens.json", "chat_template.jinja", "generation_config.json", "merges.txt",
            "special_tokens_map.json", "tekken.json", "tokenizer.json", "tokenizer.model", "tokenizer.model.v7m1",
            "tokenizer_config.json", "vocab.json",
        ]
        for name in kept + ["README.md", "tokenizer.py", "optimizer.pt"] { try folder.write(name, [0xFF, 0x00, 0x0A]) }
        let model = try open()
        #expect(model.sideFiles.map(\.name) == kept)
        #expect(model.filesLeft == ["optimizer.pt"])
        for file in model.sideFiles { #expect(try file.bytes() == [0xFF, 0x00, 0x0A]) }
        fault(.badData, "tokenizer_config.json") { try model.tokenizerJSON() }
    }

    @Test func editsKeepEverythingElse() throws {
        let text = """
            {
              "z": 9223372036854775808,
              "eps": 1e-05,
              "intermediate_size": 10,
              "nested": {
                "a": 1.0,
                "b": "é"
              },
              "gone": null
            }

            """
        let object = try #require(try JSONValue(parsing: text).objectValue)
        #expect(object.edited([]).configurationBytes == Array(text.utf8))
        let edited = object.edited([
            ConfigurationEdit("intermediate_size", value: .integer(8)), ConfigurationEdit("gone", value: nil),
            ConfigurationEdit("nested", "a", value: .integer(2)), ConfigurationEdit("head_dim", value: .integer(4)),
        ])
        let expected = text.replacingOccurrences(of: ": 10", with: ": 8").replacingOccurrences(of: "1.0", with: "2")
            .replacingOccurrences(of: "\"gone\": null", with: "\"head_dim\": 4")
        #expect(String(decoding: edited.configurationBytes, as: UTF8.self) == expected)
    }

    @Test(.enabled(if: testData != nil)) func trainedTinyModelOpens() throws {
        let model = try Checkpoint.open(try #require(testData) + "/models/stories260K/hf")
        #expect(model.parameterCount == 260_032)
        #expect(model.tiesWordEmbeddings)
        #expect(try model.floats("model.norm.weight").count == 64)
    }
}
