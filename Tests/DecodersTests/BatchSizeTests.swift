import JSONText
import Testing

@testable import Decoders

@Suite("Batches of a device")
struct BatchSizeTests {
    static let configuration = """
        {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
         "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "rope_theta": 500000.0,
         "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "torch_dtype": "bfloat16"}
        """

    @Test("as many hidden states as keep a GPU busy, within a quarter of what is free")
    func device() throws {
        var json = try #require(try JSONValue(parsing: BatchSizeTests.configuration).objectValue)
        let large = try DecoderConfiguration(json, file: "config.json")
        json["hidden_size"] = .integer(512)
        json["intermediate_size"] = .integer(1536)
        json["num_attention_heads"] = .integer(8)
        let small = try DecoderConfiguration(json, file: "config.json")
        func size(_ configuration: DecoderConfiguration, free: Int, tokens: Int = 2048) -> Int {
            BatchSize.device(configuration, tokens: tokens, compute: .bfloat16, free: free)
        }
        #expect(size(large, free: 80 << 30) == 2048 && size(small, free: 80 << 30) == 16384)
        #expect(size(large, free: 0) == 2048 && size(small, free: 0) == 2048)
        // A batch of 8192 tokens takes what is free divided by four, and one of 16384 would take more.
        let quarter = PassMemory(small).training(samples: 4, tokens: 2048, width: 2)
        #expect(size(small, free: 4 * quarter) == 8192 && size(small, free: 4 * quarter - 4) == 4096)
    }
}
