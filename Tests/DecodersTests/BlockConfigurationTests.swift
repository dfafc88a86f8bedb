import Faults
import JSONText
import TestSupport
import Testing

@testable import Decoders

@Suite("Shapes by layer in other families' files")
struct BlockConfigurationTests {
    @Test func blocksOfOtherFamiliesAreRefused() throws {
        let text = """
            {"model_type": "llama", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4,
             "num_key_value_heads": 2, "intermediate_size": 40, "vocab_size": 64,
             "block_configs": [{"attention": {"no_op": true}}]}
            """
        let json = try #require(try JSONValue(parsing: text).objectValue)
        let mistakes = faultMistakes(.badData, ["block_configs", "nothing"]) {
            try DecoderConfiguration(json, file: "config.json")
        }
        #expect(mistakes == [])
    }
}
