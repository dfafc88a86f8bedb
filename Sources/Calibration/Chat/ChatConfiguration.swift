import JSONText

extension ChatTemplate {
    /// Compares the template of a model folder with the built-in ones.
    ///
    /// - Parameters:
    ///   - tokenizerConfiguration: `tokenizer_config.json`; of several templates in it the one named "default" counts.
    ///   - templateFile: the text of `chat_template.jinja`, which goes before the configuration's template.
    public static func recognise(tokenizerConfiguration: JSONValue?, templateFile: String?) -> Choice {
        let object = tokenizerConfiguration?.objectValue
        return recognise(
            templateFile ?? template(in: object?["chat_template"]), beginning: tokenText(object?["bos_token"]),
            end: tokenText(object?["eos_token"]))
    }

    private static func template(in value: JSONValue?) -> String? {
        guard let list = value?.arrayValue else { return value?.stringValue }
        let named = list.compactMap(\.objectValue).first { $0["name"]?.stringValue == "default" }
        return named?["template"]?.stringValue
    }

    /// A special token is written as its text, or as an object with the text in `content`.
    private static func tokenText(_ value: JSONValue?) -> String? {
        value?.stringValue ?? value?.objectValue?["content"]?.stringValue
    }
}
