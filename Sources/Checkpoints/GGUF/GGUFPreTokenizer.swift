import Faults
import JSONText

/// How text is cut before byte-level BPE: a GGUF file tells it by a name, `tokenizer.ggml.pre`.
///
/// Many names share a rule, as the format's runtimes have it. Where they approximate a model's published rule, the
/// published one stands here. Names whose rule is not certain are refused.
struct GGUFPreTokenizer {
    enum Rule: Equatable {
        case gpt2
        /// Single digits, then GPT-2's.
        case digitsAndGPT2
        case llama3
        case qwen2
        /// Regular expressions applied one after the other, single digits after them where asked for.
        case splits([String], singleDigits: Bool = false)
    }

    var rule: Rule
    /// Whether text is composed canonically first.
    var composes = false
    /// Whether a whole word that is a token is taken without merging.
    var ignoresMerges = false
    /// Whether BOS is added when the file does not say.
    var addsBeginning = false

    private static let groups: [(names: [String], value: GGUFPreTokenizer)] = [
        (
            [
                "gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4", "gigachat",
                "a.x-4.0", "mellum", "modern-bert", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de",
            ],
            GGUFPreTokenizer(rule: .gpt2)
        ),
        (
            [
                "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2",
            ],
            GGUFPreTokenizer(rule: .digitsAndGPT2)
        ),
        (
            [
                "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
                "jina-v5-nano",
            ],
            GGUFPreTokenizer(rule: .llama3, ignoresMerges: true, addsBeginning: true)
        ),
        (["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"], GGUFPreTokenizer(rule: .llama3)),
        (["qwen2", "deepseek-r1-qwen"], GGUFPreTokenizer(rule: .qwen2, composes: true)),
        (
            ["stablelm2", "megrez", "hunyuan", "solar-open", "grok-2", "kormo", "f2llmv2"],
            GGUFPreTokenizer(rule: .qwen2)
        ),
        (
            ["tekken"],
            GGUFPreTokenizer(rule: .splits([TokenizerPattern.tekken]), ignoresMerges: true, addsBeginning: true)
        ),
        (["gpt-4o", "llama4", "kanana2", "talkie"], GGUFPreTokenizer(rule: .splits([TokenizerPattern.gpt4o]))),
        (["qwen35"], GGUFPreTokenizer(rule: .splits([TokenizerPattern.qwen35]), composes: true)),
        (["seed-coder"], GGUFPreTokenizer(rule: .splits([TokenizerPattern.seedCoder]))),
        (
            ["minicpm5"],
            GGUFPreTokenizer(
                rule: .splits([#"\p{N}{1,3}"#, TokenizerPattern.tiktoken(digits: #"\p{N}+"#)]), ignoresMerges: true)
        ),
        (["deepseek-coder"], GGUFPreTokenizer(rule: .splits(TokenizerPattern.deepseekCoder, singleDigits: true))),
        (["deepseek-llm"], GGUFPreTokenizer(rule: .splits(TokenizerPattern.deepseekLLM, singleDigits: true))),
        (
            ["deepseek-v3", "hunyuan-dense", "joyai-llm"],
            GGUFPreTokenizer(
                rule: .splits([#"\p{N}{1,3}"#, TokenizerPattern.chineseAndJapanese, TokenizerPattern.deepseek3]))
        ),
        (
            ["falcon"],
            GGUFPreTokenizer(
                rule: .splits([#"[\p{P}\$\+<=>\^~\|`]+"#, TokenizerPattern.gpt2, "[0-9][0-9][0-9]"]))
        ),
        (["poro-chat", "bloom", "gpt3-finnish"], GGUFPreTokenizer(rule: .splits([TokenizerPattern.bloom]))),
        (["viking"], GGUFPreTokenizer(rule: .splits([TokenizerPattern.bloom, #"\p{N}"#]))),
        (
            ["default"],
            GGUFPreTokenizer(
                rule: .splits([#"[\p{P}\$\+<=>\^~\|]+"#, TokenizerPattern.gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]"]))
        ),
    ]

    static let names = groups.flatMap(\.names)

    /// The rule of a file; without the key it is the one named `default`.
    ///
    /// - Throws: `badData` for a name that is not known.
    init(_ metadata: GGUFMetadata, warnings: inout [String]) throws(Fault) {
        let key = "tokenizer.ggml.pre"
        let name = try metadata.string(key) ?? ""
        guard
            let group = GGUFPreTokenizer.groups.first(where: { group in
                group.names.contains { ExactText($0) == ExactText(name.isEmpty ? "default" : name) }
            })
        else {
            throw Fault(
                .badData, "the pre-tokenizer '\(name)' is not supported in a GGUF file", file: metadata.file,
                place: "key '\(key)'", found: name, expected: GGUFPreTokenizer.names.joined(separator: ", "),
                advice: "use the model's Hugging Face folder instead")
        }
        self = group.value
        if name.isEmpty || name == "default" {
            warnings.append(
                "\(metadata.file): the file does not say how text is split before BPE (key '\(key)'); the format's "
                    + "default rule is used, which is seldom the model's own: use a file that has the key for better "
                    + "results"
            )
        }
    }

    private init(rule: Rule, composes: Bool = false, ignoresMerges: Bool = false, addsBeginning: Bool = false) {
        self.rule = rule
        self.composes = composes
        self.ignoresMerges = ignoresMerges
        self.addsBeginning = addsBeginning
    }
}

extension GGUFPreTokenizer.Rule {
    /// The rule as `tokenizer.json` says it.
    var json: JSONValue {
        let cutBytes = TokenizerJSON.byteLevel(prefixSpace: false, regex: false)
        let cutText = TokenizerJSON.byteLevel(prefixSpace: false, regex: true)
        switch self {
        case .gpt2: return TokenizerJSON.preTokenizers([cutText])
        case .digitsAndGPT2: return TokenizerJSON.preTokenizers([TokenizerJSON.digits, cutText])
        case .llama3:
            return TokenizerJSON.preTokenizers([
                TokenizerJSON.split(TokenizerPattern.tiktoken(digits: #"\p{N}{1,3}"#)), cutBytes,
            ])
        case .qwen2:
            return TokenizerJSON.preTokenizers([
                TokenizerJSON.split(TokenizerPattern.tiktoken(digits: #"\p{N}"#)),
                TokenizerJSON.byteLevel(prefixSpace: false, trim: false, regex: false),
            ])
        case .splits(let patterns, let singleDigits):
            return TokenizerJSON.preTokenizers(
                patterns.map(TokenizerJSON.split) + (singleDigits ? [TokenizerJSON.digits] : []) + [cutBytes])
        }
    }
}

extension GGUFPreTokenizer {
    /// The name of the rule that cuts text as a `tokenizer.json` does; nil where none is known.
    ///
    /// - Parameters:
    ///   - steps: of the file's pre-tokenizer.
    ///   - composes: whether text is composed canonically first.
    ///   - ignoresMerges: whether a whole word that is a token is taken without merging.
    static func name(of steps: [GGUFPreTokenizerStep], composes: Bool, ignoresMerges: Bool) -> String? {
        groups.first { group in
            group.value.composes == composes && group.value.ignoresMerges == ignoresMerges
                && GGUFPreTokenizerStep.steps(group.value.rule.json) == steps
        }?.names.first
    }
}
