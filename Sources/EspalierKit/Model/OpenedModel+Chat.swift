import Calibration
import Faults
import JSONText

extension OpenedModel {
    /// What the model's files offer for conversations.
    ///
    /// - Throws: `badData` when `tokenizer_config.json` is not JSON, `inputOutput` when a file cannot be read.
    func chatTemplate() throws(Fault) -> ChatTemplate.Choice {
        func bytes(_ name: String) throws(Fault) -> [UInt8]? {
            try checkpoint.sideFiles.first { $0.name == name }.map { (file) throws(Fault) in try file.bytes() }
        }
        let json = try bytes("tokenizer_config.json").map { (bytes) throws(Fault) in try JSONValue(parsing: bytes) }
        return ChatTemplate.recognise(
            tokenizerConfiguration: json,
            templateFile: try bytes("chat_template.jinja").map { String(decoding: $0, as: UTF8.self) })
    }
}
