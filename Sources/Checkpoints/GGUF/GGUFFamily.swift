import Faults
import JSONText

/// An architecture of GGUF files, as it differs from the others.
package struct GGUFFamily: Sendable {
    /// `general.architecture`
    package let name: String
    /// `model_type` of Hugging Face's configuration.
    let modelType: String
    let className: String
    /// Whether heads and widths may differ from layer to layer.
    private(set) var isRagged = false
    /// Whether the converter interleaves the rows of q and k within each head.
    package private(set) var permutesHeads = false
    var attentionBiases = Biases.none
    var hasMLPBiases = false
    var norms = [Norm("attn_norm", "input_layernorm"), Norm("ffn_norm", "post_attention_layernorm")]
    /// Whether the converter adds one to the weights of norms, so that no reader has to.
    package private(set) var addsOneToNorms = false
    /// Key and value of the activation in Hugging Face's configuration.
    var activation = (key: "hidden_act", name: "silu")
    /// Keys of the architecture that the family reads besides those that all read.
    var reads: Set<String> = []
    /// What Hugging Face's configuration says besides what it says for all.
    var keys: @Sendable (GGUFMetadata, GGUFArchitecture) throws(Fault) -> [(key: String, value: JSONValue)] = {
        (_, _) throws(Fault) in []
    }

    enum Biases: Sendable {
        case none
        /// On q, k, v and o, or on none of them; the configuration says which.
        case optional
        /// On q, k and v always; the configuration does not mention them.
        case queryKeyValue
    }

    /// A norm of each block.
    struct Norm: Sendable {
        let name: String
        let huggingFaceName: String
        /// Whether it is as wide as a head.
        let isHead: Bool

        init(_ name: String, _ huggingFaceName: String, isHead: Bool = false) {
            self.name = name
            self.huggingFaceName = huggingFaceName
            self.isHead = isHead
        }

        /// On every head's query and key.
        static let heads = [
            Norm("attn_q_norm", "self_attn.q_norm", isHead: true),
            Norm("attn_k_norm", "self_attn.k_norm", isHead: true),
        ]
    }

    /// The architecture that a model of Hugging Face is stored as; nil where there is none.
    package static func storing(modelType: String) -> GGUFFamily? {
        // The converter stores Mistral, too, under Llama's name.
        all.first { $0.modelType == (modelType == "mistral" ? "llama" : modelType) }
    }

    static let all: [GGUFFamily] = [
        // Llama 1 to 3, Mistral, SmolLM, TinyLlama: the converter stores them all under this name.
        GGUFFamily(
            name: "llama", modelType: "llama", className: "LlamaForCausalLM", permutesHeads: true,
            attentionBiases: .optional, hasMLPBiases: true
        ),
        // Nemotron's Deci: Llama's layers without biases, each with sizes of its own.
        GGUFFamily(
            name: "deci", modelType: "llama", className: "LlamaForCausalLM", isRagged: true, permutesHeads: true),
        GGUFFamily(
            name: "qwen2", modelType: "qwen2", className: "Qwen2ForCausalLM", attentionBiases: .queryKeyValue),
        {
            var qwen3 = GGUFFamily(
                name: "qwen3", modelType: "qwen3", className: "Qwen3ForCausalLM", attentionBiases: .optional)
            qwen3.norms += Norm.heads
            return qwen3
        }(),
        .gemma3,
    ]
}
