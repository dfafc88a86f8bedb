import Checkpoints
import Faults
import JSONText
import Tokenization

/// The tokens that begin and end a text, as a model's files name them.
public struct SpecialTokens: Equatable, Sendable {
    /// What goes before a text: what the tokenizer puts there, or BOS where the family's texts are nothing without it.
    public var prefix: [Int32]
    /// Whether every text must begin so, whoever rendered it.
    public let isPrefixRequired: Bool
    /// The token that a text from nothing begins with: the tokenizer's, else the one that the configuration names.
    public var beginning: Int32?
    /// Any of them ends a text or a turn: what `eos_token_id`, a number or a list, of `generation_config.json` says, or
    /// without it that of `config.json`, and the `eos_token` of `tokenizer_config.json` or else of
    /// `special_tokens_map.json`, at which servers stop, too.
    ///
    /// A GGUF file's tokens that end turns come here in the `generation_config.json` that is made of its metadata.
    public var end: Set<Int32>
    /// The first of them: the one that ends a text.
    public var firstEnd: Int32?

    /// - Parameters:
    ///   - checkpoint: whose files name the tokens.
    ///   - tokenizer: which knows their ids.
    ///   - needsBeginning: whether the family's texts must begin with BOS.
    /// - Throws: `badData` when one of the files is not JSON, a token in it is not an id, or BOS is needed and none is
    ///   named.
    public init(_ checkpoint: Checkpoint, tokenizer: Tokenizer, needsBeginning: Bool = false) throws(Fault) {
        let generation = try SpecialTokens.object("generation_config.json", checkpoint)
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
        isPrefixRequired = needsBeginning
        if needsBeginning, prefix.isEmpty { prefix = [try SpecialTokens.required(beginning, checkpoint)] }
        var ends = try ids("eos_token_id")
        for name in ["tokenizer_config.json", "special_tokens_map.json"] {
            guard let token = try SpecialTokens.object(name, checkpoint)["eos_token"], !token.isNull else { continue }
            if let id = SpecialTokens.content(token).flatMap(tokenizer.id), !ends.contains(id) { ends.append(id) }
            break
        }
        end = Set(ends)
        firstEnd = ends.first
    }

    /// A text's tokens after what goes before them. Where every text must begin so, one that does is left as it is.
    ///
    /// - Parameter isRendered: whether a template made the text, which writes special tokens itself.
    func begun(_ ids: [Int32], isRendered: Bool = false) -> [Int32] {
        if isPrefixRequired { return ids.starts(with: prefix) ? ids : prefix + ids }
        return isRendered ? ids : prefix + ids
    }

    /// The token that texts are to begin with.
    ///
    /// - Throws: `badData` without one.
    static func required(_ beginning: Int32?, _ checkpoint: Checkpoint) throws(Fault) -> Int32 {
        guard let beginning else {
            throw Fault(
                .badData, "the texts are to begin with BOS, and the model names no such token", file: checkpoint.path,
                expected: checkpoint.format == .gguf
                    ? "the key 'tokenizer.ggml.bos_token_id'"
                    : "bos_token in tokenizer_config.json, or bos_token_id in config.json")
        }
        return beginning
    }

    /// The token that a text from nothing begins with, as lm-evaluation-harness has it: BOS, else EOS, as
    /// tokenizer_config.json names them; else as the model's other files do.
    ///
    /// - Throws: `badData` when a file that names them is wrong or none does.
    static func ofNothing(_ checkpoint: Checkpoint, tokenizer: Tokenizer) throws(Fault) -> Int32 {
        let object = try object("tokenizer_config.json", checkpoint)
        for key in ["bos_token", "eos_token"] {
            if let id = object[key].flatMap(content).flatMap(tokenizer.id) { return id }
        }
        let special = try SpecialTokens(checkpoint, tokenizer: tokenizer)
        return try required(special.beginning ?? special.firstEnd, checkpoint)
    }

    /// A token's text, which stands by itself or in an object.
    private static func content(_ token: JSONValue) -> String? {
        token.stringValue ?? token.objectValue?["content"]?.stringValue
    }

    /// A file of the model; empty where it is not there.
    private static func object(_ name: String, _ checkpoint: Checkpoint) throws(Fault) -> JSONObject {
        guard let file = checkpoint.sideFiles.first(where: { $0.name == name }) else { return JSONObject() }
        do throws(Fault) { return try JSONValue(parsing: try file.bytes()).objectValue ?? JSONObject() } catch {
            throw error.inFile(checkpoint.path + "/" + name)
        }
    }
}

extension OpenedModel {
    /// The tokens that begin and end a text of this model's family.
    ///
    /// - Throws: as `SpecialTokens`.
    func specialTokens(_ tokenizer: Tokenizer) throws(Fault) -> SpecialTokens {
        try SpecialTokens(checkpoint, tokenizer: tokenizer, needsBeginning: configuration.family.needsBeginning)
    }
}
