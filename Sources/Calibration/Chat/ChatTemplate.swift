import Crypto
import Faults
import Foundation

/// A chat template that is built in: a conversation becomes the text that the model's own template would give.
///
/// The model's template is only compared with known ones, never executed: templates are programs, and those of
/// strangers have been used to attack the programs that ran them.
public struct ChatTemplate: Sendable, Equatable {
    /// How conversations are written.
    enum Style: Sendable, Equatable {
        /// SmolLM2, Qwen2 and Qwen2.5, with the system prompt that the template inserts when there is none.
        case chatML(defaultSystem: String?)
        case qwen3
        case llama2
        /// The first template of Llama 3 ends with the header of a reply whether one is wanted or not.
        case llama3(endsWithHeader: Bool)
        /// Llama 3.1, with the date that the template names.
        case llama31(date: String)
        /// Mistral 7B: what stands before and after the content of user and assistant; "\0" is the end token.
        case mistral(user: [String], assistant: [String])
        /// Mistral 7B v0.3: the system prompt stands in the last message.
        case mistralWithSystem
        /// Zephyr and TinyLlama.
        case zephyr
    }

    let style: Style
    /// The texts of the tokenizer's BOS and EOS tokens; empty where it has none.
    let beginning: String
    let end: String

    /// The family, for people: "ChatML".
    public var name: String {
        switch style {
        case .chatML: "ChatML"
        case .qwen3: "Qwen3"
        case .llama2: "Llama 2"
        case .llama3: "Llama 3"
        case .llama31: "Llama 3.1"
        case .mistral, .mistralWithSystem: "Mistral"
        case .zephyr: "Zephyr"
        }
    }

    /// The families that `recognise` knows.
    public static let builtIn = "ChatML (SmolLM2, Qwen2, Qwen2.5), Qwen3, Llama 2, Llama 3, Llama 3.1, Mistral, Zephyr"

    /// What a model offers for conversations. Only a conversation in the data makes the last two an error.
    public enum Choice: Sendable, Equatable {
        case known(ChatTemplate)
        /// The model has no template.
        case missing
        /// The template is not built in; SHA-256 of its text.
        case unknown(digest: String, reason: String?)

        /// - Throws: `Fault` of kind `badData` that tells what to do instead.
        public func template() throws(Fault) -> ChatTemplate {
            let advice = "render the conversations with the model's own tools and store them as \"text\""
            switch self {
            case .known(let template): return template
            case .missing:
                throw Fault(
                    .badData, "the record is a conversation, but the model has no chat template", advice: advice)
            case .unknown(let digest, let reason):
                throw Fault(
                    .badData, reason ?? "the record is a conversation, but the model's chat template is not built in",
                    found: "a template with SHA-256 \(digest)", expected: ChatTemplate.builtIn, advice: advice)
            }
        }
    }

    /// Compares a model's template with the built-in ones.
    ///
    /// - Parameters:
    ///   - template: the Jinja text from `tokenizer_config.json`, `chat_template.jinja` or a GGUF file; nil for none.
    ///   - beginning: the text of the BOS token.
    ///   - end: the text of the EOS token.
    public static func recognise(_ template: String?, beginning: String?, end: String?) -> Choice {
        guard let template, !template.isEmpty else { return .missing }
        let digest = HexText.of(SHA256.hash(data: Data(template.utf8)))
        // The longest published template has 14 KB.
        guard template.utf8.count <= 1 << 18 else { return .unknown(digest: digest, reason: nil) }
        let canonical = CanonicalTemplate.text(of: template)
        guard let style = ChatRecognition.style(of: canonical) else {
            let isDated = canonical.contains("strftime_now")
            return .unknown(
                digest: digest,
                reason: isDated ? "the model's chat template writes today's date, which no run could repeat" : nil)
        }
        return .known(ChatTemplate(style: style, beginning: beginning ?? "", end: end ?? ""))
    }
}
