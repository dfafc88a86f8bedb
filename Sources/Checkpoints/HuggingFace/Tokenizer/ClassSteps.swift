import Faults
import JSONText

/// The steps that the reference builds for a tokenizer's class, in place of those of `tokenizer.json`.
enum ClassSteps {
    /// Tells where a `tokenizer.json` has other steps than its class: its own count here, and the reference cuts some
    /// text differently.
    ///
    /// - Parameter root: `tokenizer.json`.
    static func warnings(_ root: JSONObject, class tokenizerClass: TokenizerClass, settings: JSONObject) -> [String] {
        let normalizer: JSONValue?
        let cut: JSONValue?
        switch tokenizerClass {
        case .general, .other: return []
        case .llama: (normalizer, cut) = (nil, SentencePieceTokenizer.llamaCut(settings))
        case .gpt2, .gptNeoX, .qwen2:
            guard
                let parts = try? MergesTokenizer.parts(
                    vocabulary: JSONObject(), merges: [], class: tokenizerClass, settings: settings)
            else { return [] }
            (normalizer, cut) = (parts.normalizer, parts.preTokenizer)
        }
        guard text(root["normalizer"]) != text(normalizer) || text(root["pre_tokenizer"]) != text(cut) else {
            return []
        }
        return [
            "transformers 5 rebuilds the steps of \(tokenizerClass.name) and ignores the normalizer and "
                + "pre_tokenizer of tokenizer.json, which differ; those of the file are used here, and some text, "
                + "such as "
                + "what follows a special token, is cut differently there"
        ]
    }

    /// A step in one spelling: keys in order, without those that say nothing of the ids, and with what is meant where
    /// they are absent.
    private static func text(_ value: JSONValue?) -> String {
        guard let value, !value.isNull else { return "" }
        if let items = value.arrayValue { return "[" + items.map { text($0) }.joined(separator: ",") + "]" }
        guard let object = value.objectValue else { return value.text(pretty: false) }
        var members: [String: String] = [:]
        for (key, value) in object.members where key != "trim_offsets" { members[key] = text(value) }
        switch object["type"]?.stringValue {
        case "ByteLevel": members["use_regex"] = members["use_regex"] ?? "true"
        case "Metaspace":
            let old = members.removeValue(forKey: "add_prefix_space")
            members["prepend_scheme"] = members["prepend_scheme"] ?? (old == "false" ? "\"never\"" : "\"always\"")
            members["split"] = members["split"] ?? "true"
        default: break
        }
        return "{" + members.sorted { $0.key < $1.key }.map { $0.key + ":" + $0.value }.joined(separator: ",") + "}"
    }
}
