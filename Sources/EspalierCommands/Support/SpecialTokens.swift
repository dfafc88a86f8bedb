import Checkpoints
import Faults
import JSONText
import Tokenization

/// The tokens that begin and end a text, as a model's files name them.
public struct SpecialTokens: Equatable, Sendable {
    /// What goes before a text: what the tokenizer puts there.
    public var prefix: [Int32]
    /// The token that a text from nothing begins with: the tokenizer's, else the one that the configuration names.
    public var beginning: Int32?
    /// Any of them ends a text.
    public var end: Set<Int32>
    /// The first of them.
    public var firstEnd: Int32?

    /// - Throws: `badData` when `generation_config.json` is not JSON or a token in it is not an id.
    public init(_ checkpoint: Checkpoint, tokenizer: Tokenizer) throws(Fault) {
        var generation = JSONObject()
        if let file = checkpoint.sideFiles.first(where: { $0.name == "generation_config.json" }) {
            let path = checkpoint.path + "/" + file.name
            do throws(Fault) {
                generation = try JSONValue(parsing: try file.bytes()).objectValue ?? generation
            } catch { throw error.inFile(path) }
        }
        func ids(_ key: String) throws(Fault) -> [Int32] {
            for object in [generation, checkpoint.configuration] {
                guard let value = object[key], !value.isNull else { continue }
                var ids: [Int32] = []
                for item in value.arrayValue ?? [value] {
                    guard let id = item.integerValue.flatMap({ Int32(exactly: $0) }), id >= 0 else {
                        throw Fault(
                            .badData, "a special token is not an id", file: checkpoint.path, place: "key '\(key)'",
                            found: item.kindName, expected: "a token id, or a list of them")
                    }
                    ids.append(id)
                }
                return ids
            }
            return []
        }
        prefix = tokenizer.prefixIDs
        let named = try ids("bos_token_id")
        beginning = prefix.first ?? named.first
        let ends = try ids("eos_token_id")
        end = Set(ends)
        firstEnd = ends.first
    }
}
