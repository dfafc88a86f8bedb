import Faults
import JSONText

/// The class of a tokenizer, which says how files without steps of their own are read.
enum TokenizerClass: Equatable {
    case gpt2
    case gptNeoX
    case qwen2
    case llama
    /// No class of its own: a SentencePiece model is read by its own settings.
    case general
    case other(String)

    /// As the reference chooses it: some model types overrule the class that the files name.
    init(settings: JSONObject?, configuration: JSONObject) {
        let declared = [settings?["tokenizer_class"], configuration["tokenizer_class"]]
            .compactMap { $0?.stringValue }.first { !$0.isEmpty }
        let name = declared.map { $0.hasSuffix("Fast") ? String($0.dropLast(4)) : $0 }
        switch configuration["model_type"]?.stringValue {
        case "qwen2": self = .qwen2
        case "qwen3" where name == nil: self = .qwen2
        case "mistral": self = .general
        default: self.init(name: name)
        }
    }

    private init(name: String?) {
        switch name {
        case nil, "PreTrainedTokenizer", "TokenizersBackend": self = .general
        case "GPT2Tokenizer", "CodeGenTokenizer": self = .gpt2
        case "GPTNeoXTokenizer": self = .gptNeoX
        case "Qwen2Tokenizer": self = .qwen2
        case "LlamaTokenizer": self = .llama
        case let name?: self = .other(name)
        }
    }

    /// Named tokens that the class has where no file gives them.
    var standards: [(String, String)] {
        switch self {
        case .gpt2: ["bos_token", "eos_token", "unk_token"].map { ($0, "<|endoftext|>") }
        case .gptNeoX:
            ["bos_token", "eos_token", "unk_token"].map { ($0, "<|endoftext|>") } + [("pad_token", "<|padding|>")]
        case .qwen2: ["eos_token", "unk_token", "pad_token"].map { ($0, "<|endoftext|>") }
        case .llama: [("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>")]
        case .general, .other: []
        }
    }

    /// For messages.
    var name: String {
        switch self {
        case .gpt2: "GPT2Tokenizer"
        case .gptNeoX: "GPTNeoXTokenizer"
        case .qwen2: "Qwen2Tokenizer"
        case .llama: "LlamaTokenizer"
        case .general: "no class of its own"
        case .other(let name): name
        }
    }
}
