import Faults
import JSONText

/// Keys of `config.json` that have one type everywhere and of which something depends only later, or in other software
/// that reads the published copy.
enum KeyTypes {
    /// - Throws: `badData` naming the key.
    static func check(_ reader: ConfigurationReader) throws(Fault) {
        for key in ["dtype", "torch_dtype"] {
            guard let value = reader.value(key), value.stringValue == nil else { continue }
            throw reader.fault(key, found: value.kindName, expected: "the name of a data type, such as bfloat16")
        }
        for key in ["bos_token_id", "eos_token_id", "pad_token_id"] {
            guard let value = reader.value(key), value.integerValue == nil else { continue }
            guard let ids = value.arrayValue, ids.allSatisfy({ $0.integerValue != nil }) else {
                throw reader.fault(key, found: value.kindName, expected: "a token's id, or a list of ids")
            }
        }
    }
}
