import Faults
import JSONText

/// The files that a Hugging Face folder has beside its weights, made from a GGUF file's metadata.
enum GGUFSideFiles {
    static func make(
        _ metadata: GGUFMetadata, _ tokenizer: GGUFTokenizer?, _ configuration: JSONObject
    ) throws(Fault) -> [SideFile] {
        var generation = JSONObject()
        for key in ["bos_token_id", "eos_token_id", "pad_token_id"] { generation[key] = configuration[key] ?? .null }
        if let ends = tokenizer?.turnEnds, ends.count > 1 {
            generation["eos_token_id"] = .array(ends.map { .integer($0) })
        } else if let end = tokenizer?.turnEnds.first {
            generation["eos_token_id"] = .integer(end)
        }
        var files = [file("generation_config.json", .object(generation))]
        guard let tokenizer else { return files }
        var specials = JSONObject()
        for (key, id) in [
            ("bos_token", tokenizer.beginning), ("eos_token", tokenizer.end), ("unk_token", tokenizer.unknown),
            ("pad_token", tokenizer.padding),
        ] {
            if let id { specials[key] = .string(tokenizer.tokens[id]) }
        }
        var settings = specials
        if tokenizer.model == .gpt2 { settings["add_prefix_space"] = .bool(false) }
        settings["clean_up_tokenization_spaces"] = .bool(false)
        settings["model_max_length"] = configuration["max_position_embeddings"]
        settings["tokenizer_class"] = .string("PreTrainedTokenizerFast")
        if let template = try metadata.string("tokenizer.chat_template") {
            settings["chat_template"] = .string(template)
        }
        settings["added_tokens_decoder"] = .object(addedTokens(tokenizer.added))
        files.append(file("special_tokens_map.json", .object(specials)))
        files.append(SideFile(name: "tokenizer.json", content: .tokenizer(tokenizer.text)))
        files.append(file("tokenizer_config.json", .object(settings)))
        return files
    }

    private static func addedTokens(_ tokens: [ListedToken]) -> JSONObject {
        var byID = JSONObject()
        for token in tokens {
            guard let id = token.id, var members = token.json(id: id).objectValue else { continue }
            members["id"] = nil
            byID[String(id)] = .object(members)
        }
        return byID
    }

    private static func file(_ name: String, _ value: JSONValue) -> SideFile {
        SideFile(name: name, content: .bytes(Array((value.text() + "\n").utf8)))
    }
}
