import Checkpoints
import Faults
import JSONText
import TestSupport
import Testing

@Suite("Configurations of exported folders")
struct ExportedConfigurationTests {
    private func plain(_ blocks: String, _ others: String = "") throws -> JSONObject {
        let text = """
            {"model_type": "nemotron-nas", "hidden_size": 48, "num_attention_heads": 12, "num_key_value_heads": null,
             "intermediate_size": null, "auto_map": {"AutoConfig": "configuration_decilm.DeciLMConfig"}\(others),
             "block_configs": [\(blocks)]}
            """
        let json = try #require(try JSONValue(parsing: Array(text.utf8)).objectValue)
        return try ExportedConfiguration.plain(json, file: "config.json")
    }

    @Test("a nemotron-nas model is Llama with a shape for every layer")
    func shapes() throws {
        let json = try plain(
            """
            {"attention": {"n_heads_in_group": 4, "no_op": false, "replace_with_linear": false, "sparsify": null,
                           "window_length": null, "unshifted_sink": false},
             "ffn": {"ffn_mult": 2.625, "no_op": false, "replace_with_linear": false}},
            {"attention": {"no_op": true, "n_heads_in_group": null},
             "ffn": {"intermediate_size": 17, "no_op": false}},
            {"attention": {"n_heads_in_group": 12}, "ffn": {"no_op": true, "ffn_mult": null}}
            """)
        #expect(json["model_type"]?.stringValue == "espalier")
        #expect(json["block_configs"] == nil && json["auto_map"] == nil)
        let inner = try #require(json["espalier"]?.objectValue)
        #expect(inner["base_model_type"]?.stringValue == "llama")
        let shapes = inner["layers"]?.arrayValue?.map { layer in
            ["num_attention_heads", "num_key_value_heads", "intermediate_size"].map {
                layer.objectValue?[$0]?.integerValue
            }
        }
        // int(2 · 2.625 · 48 / 3) = 84, rounded up to 256.
        #expect(shapes == [[12, 3, 256], [0, 0, 17], [12, 1, 0]])
        #expect(json["num_key_value_heads"]?.integerValue == 3 && json["intermediate_size"]?.integerValue == 256)
    }

    @Test(
        "what is not computed is refused by its key",
        arguments: [
            (#"{"attention": {"replace_with_linear": true}, "ffn": {"no_op": true}}"#, "replace_with_linear"),
            (#"{"attention": {"n_heads_in_group": 5}, "ffn": {"no_op": true}}"#, "n_heads_in_group"),
            (#"{"attention": {"n_heads_in_group": null}, "ffn": {"no_op": true}}"#, "n_heads_in_group"),
            (#"{"attention": {"no_op": true, "window_length": 8}, "ffn": {"no_op": true}}"#, "window_length"),
            (#"{"attention": {"no_op": true}, "ffn": {"ffn_mult": null}}"#, "ffn.ffn_mult"),
            (#"{"attention": {"no_op": true}, "ffn": {"no_op": false}}"#, "intermediate_size"),
            (#"{"attention": {"no_op": true}, "ffn": {"ffn_mult": 1e300}}"#, "ffn_mult"),
            (#"{"attention": {"no_op": true}, "ffn": {"ffn_mult": 2.625, "intermediate_size": 84}}"#, "84"),
            (#"{"attention": {"no_op": true}, "ffn": {"intermediate_size": 8, "hidden_act": "gelu"}}"#, "hidden_act"),
            (#"{"attention": {"no_op": true}, "ffn": {"intermediate_size": 8, "sparsify": ["a"]}}"#, "sparsify"),
            (#"{"ffn": {"no_op": true}}"#, "attention"),
        ])
    func refused(_ block: String, key: String) {
        let mistakes = faultMistakes(.badData, ["block_configs[0]", key]) { try plain(block) }
        #expect(mistakes == [])
    }

    @Test("code that exports bring along is no foreign code")
    func ownCode() throws {
        func isOwn(_ map: String) throws -> Bool {
            let json = try #require(try JSONValue(parsing: Array("{\"auto_map\": \(map)}".utf8)).objectValue)
            return ExportedConfiguration.isOwnCode(json)
        }
        #expect(try isOwn(#"{"AutoConfig": "configuration_espalier.EspalierConfig"}"#))
        #expect(try !isOwn(#"{"AutoConfig": "configuration_espalier.A", "AutoModel": "modeling_x.X"}"#))
        #expect(try !isOwn(#"{"AutoConfig": "owner/repository--configuration_espalier.A"}"#))
    }
}
