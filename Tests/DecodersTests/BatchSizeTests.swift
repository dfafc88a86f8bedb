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

    @Test("the largest power of two whose pass there and back takes a quarter of what is free")
    func device() throws {
        let json = try #require(try JSONValue(parsing: BatchSizeTests.configuration).objectValue)
        let configuration = try DecoderConfiguration(json, file: "config.json")
        func size(_ free: Int, _ tokens: Int = 2048) -> Int {
            BatchSize.device(configuration, tokens: tokens, compute: .bfloat16, free: free)
        }
        let memory = PassMemory(configuration)
        for free in [20, 40, 80, 140].map({ $0 << 30 }) {
            let found = size(free)
            #expect(found.nonzeroBitCount == 1 && found >= 2048)
            #expect(memory.training(samples: found / 2048, tokens: 2048, width: 2) <= free / 4)
            #expect(memory.training(samples: 2 * found / 2048, tokens: 2048, width: 2) > free / 4)
        }
        #expect(size(0) == BatchSize.processor && size(.max / 8) == BatchSize.most)
        // Attention's scores grow with the square of the length.
        #expect(size(80 << 30, 131_072) == BatchSize.processor)
    }
}
