import Faults
import Files
import JSONText

/// What the files of a Hugging Face folder say together about its tokenizer, as one `tokenizer.json`, or what a GGUF
/// file says.
///
/// The reference is transformers 5.24's `AutoTokenizer`, with one difference: the steps of a `tokenizer.json` are those
/// that the file gives, also where the reference builds the steps of a class anew and leaves some of the file's out.
public struct FolderTokenizer: Sendable {
    public enum Content: Sendable {
        /// A `tokenizer.json`: the folder's own, byte for byte, where the other files add nothing.
        case json([UInt8])
        /// Tokens and merges as a GGUF file packs them.
        case packed(GGUFTokenizerText)
    }

    public let content: Content
    /// Where the files disagree, and what they add to one another.
    public let warnings: [String]
    /// The file that holds the vocabulary, by its path.
    public let file: String

    /// A file of the folder by its name; nil where it is not there.
    typealias Reader = (String) throws(Fault) -> [UInt8]?

    /// The tokenizer of a GGUF file.
    init(_ text: GGUFTokenizerText, file: String) {
        content = .packed(text)
        self.file = file
        warnings = []
    }

    /// A `tokenizer.json`.
    public var json: [UInt8] {
        switch content {
        case .json(let bytes): bytes
        case .packed(let text): text.bytes
        }
    }

    /// - Parameters:
    ///   - folder: its path, for messages.
    ///   - configuration: `config.json`.
    ///   - read: the folder's files.
    /// - Throws: `badData` naming the file and the place of what is wrong, or the form that is not supported.
    init?(folder: String, configuration: JSONObject, read: Reader) throws(Fault) {
        do throws(Fault) {
            guard let made = try FolderTokenizer.made(folder: folder, configuration: configuration, read: read) else {
                return nil
            }
            self = made
        } catch {
            var fault = error
            fault.file = fault.file.map { $0.utf8.contains(UInt8(ascii: "/")) ? $0 : FileSystem.joined(folder, $0) }
            throw fault
        }
    }

    private static func made(
        folder: String, configuration: JSONObject, read: Reader
    ) throws(Fault) -> FolderTokenizer? {
        func object(_ name: String) throws(Fault) -> JSONObject? {
            guard let bytes = try read(name) else { return nil }
            let limits = JSONLimits(memory: JSONLimits.vocabularyMemory(bytes.count))
            do throws(Fault) {
                let value = try JSONValue(parsing: bytes, limits: limits)
                guard let object = value.objectValue else {
                    throw Fault(.badData, "the file is not a JSON object")
                }
                return object
            } catch { throw error.inFile(name) }
        }
        let settings = try object("tokenizer_config.json")
        let map = try object("special_tokens_map.json")
        let added = try object("added_tokens.json")
        guard let bytes = try read("tokenizer.json") else {
            let tables = (settings: settings, map: map, added: added)
            return try assembled(folder, configuration, read, tables, try object("vocab.json"))
        }
        let file = FileSystem.joined(folder, "tokenizer.json")
        if settings == nil, map == nil, added == nil { return FolderTokenizer(json: bytes, file: file) }
        let document: JSONDocument
        let root: JSONObject
        let vocabulary: JSONObject
        let own: [ListedToken]
        do throws(Fault) {
            document = try JSONDocument(
                parsing: bytes, leaving: [["added_tokens"], ["model", "merges"], ["model", "vocab"]],
                limits: JSONLimits(memory: JSONLimits.vocabularyMemory(bytes.count)))
            guard let object = document.value.objectValue else {
                throw Fault(.badData, "the file is not a JSON object", found: document.value.kindName)
            }
            root = object
            own = try AddedTokenList.own(document.list("added_tokens"))
            vocabulary = try FolderTokenizer.vocabulary(root, document.list("model", "vocab"))
        } catch { throw error.inFile("tokenizer.json") }
        let tables = try TokenTables(configuration: settings, map: map, added: added, own: own)
        var list = AddedTokenList(own: own, vocabulary: vocabulary)
        list.add(tables.tokens, from: FolderTokenizer.source(settings: settings, map: map, added: added))
        let warnings =
            tables.warnings + list.warnings + templateWarnings(tables, root["post_processor"])
            + ClassSteps.warnings(
                root, class: TokenizerClass(settings: settings, configuration: configuration),
                settings: settings ?? JSONObject()) + rowWarnings(list.tokens, configuration)
        var json = bytes
        if list.tokens != own {
            let tokens = JSONValue.array(list.tokens.map { $0.json(id: $0.id ?? 0) })
            do throws(Fault) { json = try document.text(setting: "added_tokens", to: tokens) } catch {
                throw error.inFile("tokenizer.json")
            }
        }
        return FolderTokenizer(json: json, warnings: warnings.map { "\(folder): \($0)" }, file: file)
    }

    private init(json: [UInt8], warnings: [String] = [], file: String) {
        content = .json(json)
        self.warnings = warnings
        self.file = file
    }

    /// The tokenizer of files other than `tokenizer.json`.
    private static func assembled(
        _ folder: String, _ configuration: JSONObject, _ read: Reader,
        _ files: (settings: JSONObject?, map: JSONObject?, added: JSONObject?), _ vocabulary: JSONObject?
    ) throws(Fault) -> FolderTokenizer? {
        let tokenizerClass = TokenizerClass(settings: files.settings, configuration: configuration)
        let settings = files.settings ?? JSONObject()
        let main: String
        let parts: TokenizerParts
        let ids: JSONObject
        var standards = tokenizerClass.standards
        var extra: [ListedToken] = []
        var warnings: [String] = []
        let pieces = try read("tokenizer.model")
        if let vocabulary, let merges = try read("merges.txt"),
            pieces == nil || ![.llama, .general].contains(tokenizerClass)
        {
            main = "vocab.json"
            ids = vocabulary
            parts = try MergesTokenizer.parts(
                vocabulary: vocabulary, merges: merges, class: tokenizerClass, settings: settings)
        } else if let pieces {
            main = "tokenizer.model"
            let made: SentencePieceTokenizer
            do throws(Fault) {
                if let fault = tiktoken(pieces) { throw fault }
                made = try SentencePieceTokenizer(
                    SentencePieceModel(pieces), class: tokenizerClass, settings: settings, renamed: names(settings))
            } catch { throw error.inFile(main) }
            (parts, ids, extra, warnings) = (made.parts, made.vocabulary, made.extra, made.warnings)
            standards += made.standards
        } else if vocabulary != nil {
            throw Fault(
                .missingInput, "vocab.json has no merges.txt beside it", file: "merges.txt",
                expected: "the merges of the vocabulary", advice: "copy it from the model that this one was made from")
        } else {
            return nil
        }
        let tables = try TokenTables(
            configuration: files.settings, map: files.map, added: files.added, own: [], standards: standards,
            extra: extra)
        var list = AddedTokenList(own: [], vocabulary: ids)
        var tokens = tables.tokens
        if tokenizerClass == .general, main == "tokenizer.model" {
            // Each stretch between listed tokens gets its own leading blank, so that they are looked for in the text as
            // given.
            for index in tokens.indices where tokens[index].id != nil { tokens[index].normalized = false }
        }
        // This class adds its special tokens once more, without other flags.
        if tokenizerClass == .qwen2 { tokens += tables.specials.map { ListedToken(special: $0) } }
        list.add(tokens, from: nil)
        warnings += tables.warnings + list.warnings + rowWarnings(list.tokens, configuration)
        func around(_ key: String, _ adds: Bool?) -> ListedToken? {
            guard adds == true, let name = tables.named[key]?.content else { return nil }
            return list.tokens.first { $0.content.utf8.elementsEqual(name.utf8) }
        }
        if main == "tokenizer.model", tables.addsBeginning == nil, tables.named["bos_token"] != nil {
            warnings.append(
                "no file says whether the beginning token goes before a text (add_bos_token in tokenizer_config.json); "
                    + "it does not, as in transformers 5")
        }
        let json = parts.json(
            added: list.tokens, before: around("bos_token", tables.addsBeginning),
            after: around("eos_token", tables.addsEnd))
        return FolderTokenizer(
            json: Array(json.text(pretty: false).utf8), warnings: warnings.map { "\(folder): \($0)" },
            file: FileSystem.joined(folder, main))
    }

    /// The names that `added_tokens_decoder` gives to ids.
    private static func names(_ settings: JSONObject) -> [Int: String] {
        var names: [Int: String] = [:]
        for (key, value) in settings["added_tokens_decoder"]?.objectValue?.members ?? [] {
            guard let id = Int(key), let content = value.objectValue?["content"]?.stringValue else { continue }
            names[id] = content
        }
        return names
    }

    /// A file of another kind that bears SentencePiece's name.
    private static func tiktoken(_ bytes: [UInt8]) -> Fault? {
        let line = bytes.prefix { $0 != 10 }.prefix(200)
        let parts = line.split(separator: 0x20)
        guard parts.count == 2, parts[1].allSatisfy({ (0x30...0x39).contains($0) }),
            parts[0].allSatisfy({ (0x2B...0x7A).contains($0) })
        else { return nil }
        return Fault(
            .badData, "tokenizer.model is a tiktoken file, which is not supported", place: "line 1",
            found: "a token in base 64 and its rank", expected: "a SentencePiece model",
            advice: SentencePieceTokenizer.advice)
    }

    /// Ids by token of a tokenizer's model; a Unigram model has a list in place of an object.
    private static func vocabulary(_ root: JSONObject, _ list: JSONTextList?) throws(Fault) -> JSONObject {
        guard let list else { return root["model"]?.objectValue?["vocab"]?.objectValue ?? JSONObject() }
        var vocabulary = JSONObject()
        var id = 0
        try list.forEach { (item) in
            if let token = item.arrayValue?.first?.stringValue, vocabulary[token] == nil {
                vocabulary[token] = .integer(id)
            }
            id += 1
        }
        return vocabulary
    }

    /// Tokens after the last row of the embedding.
    private static func rowWarnings(_ tokens: [ListedToken], _ configuration: JSONObject) -> [String] {
        guard let rows = configuration["vocab_size"]?.integerValue else { return [] }
        let beyond = tokens.filter { $0.id.map { $0 >= rows } ?? false }
        guard !beyond.isEmpty else { return [] }
        return [
            "the model's embedding of \(rows) rows has none for \(beyond.shown); a text that contains "
                + "\(beyond.count == 1 ? "it" : "one of them") is refused"
        ]
    }

    /// The file whose tables add tokens, for messages.
    private static func source(settings: JSONObject?, map: JSONObject?, added: JSONObject?) -> String {
        if let table = settings?["added_tokens_decoder"], !table.isNull { return "tokenizer_config.json" }
        let names = [
            settings == nil ? nil : "tokenizer_config.json", map == nil ? nil : "special_tokens_map.json",
            added == nil ? nil : "added_tokens.json",
        ]
        return names.compactMap(\.self).joined(separator: " or ")
    }

    /// The post-processor of `tokenizer.json` decides which tokens go around a text; a setting that says otherwise is
    /// passed over.
    private static func templateWarnings(_ tables: TokenTables, _ processor: JSONValue?) -> [String] {
        let template = Template(processor)
        var warnings: [String] = []
        for (key, wanted, found) in [
            ("add_bos_token", tables.addsBeginning, template.hasPrefix),
            ("add_eos_token", tables.addsEnd, template.hasSuffix),
        ] {
            guard let wanted, wanted != found else { continue }
            warnings.append(
                "tokenizer_config.json says \(key) \(wanted), but the post-processor of tokenizer.json "
                    + (found ? "adds one" : "adds none") + "; tokenizer.json is used")
        }
        return warnings
    }

    /// Whether a post-processor puts tokens before and after a text.
    private struct Template {
        var hasPrefix = false
        var hasSuffix = false

        init(_ processor: JSONValue?) {
            guard let object = processor?.objectValue else { return }
            if let parts = object["processors"]?.arrayValue {
                for part in parts.map(Template.init) {
                    hasPrefix = hasPrefix || part.hasPrefix
                    hasSuffix = hasSuffix || part.hasSuffix
                }
            } else if let single = object["single"]?.arrayValue {
                hasPrefix = single.first?.objectValue?["SpecialToken"] != nil
                hasSuffix = single.last?.objectValue?["SpecialToken"] != nil
            }
        }
    }
}
