import Checkpoints
import Faults
import JSONText
import Tokenization

/// The token that a text from nothing begins with.
enum TextPrefix {
    /// BOS, else EOS, as tokenizer_config.json names them; else as the model's other files do.
    ///
    /// - Throws: `badData` when a file that names them is wrong or none does.
    static func token(_ checkpoint: Checkpoint, tokenizer: Tokenizer) throws(Fault) -> Int32 {
        if let file = checkpoint.sideFiles.first(where: { $0.name == "tokenizer_config.json" }) {
            let object: JSONObject?
            do throws(Fault) { object = try JSONValue(parsing: try file.bytes()).objectValue } catch {
                throw error.inFile(checkpoint.path + "/" + file.name)
            }
            for key in ["bos_token", "eos_token"] {
                let value = object?[key]
                let content = value?.stringValue ?? value?.objectValue?["content"]?.stringValue
                if let id = content.flatMap(tokenizer.id) { return id }
            }
        }
        let special = try SpecialTokens(checkpoint, tokenizer: tokenizer)
        guard let id = special.beginning ?? special.firstEnd else {
            throw Fault(
                .badData, "the model names no token that begins or ends a text", file: checkpoint.path,
                expected: checkpoint.format == .gguf
                    ? "the key 'tokenizer.ggml.bos_token_id' or 'tokenizer.ggml.eos_token_id'"
                    : "bos_token or eos_token in tokenizer_config.json")
        }
        return id
    }
}
