import Faults
import Files
import Yams

/// YAML files of settings: small, without anchors, aliases, tags and block texts, every key known.
public enum StrictYAML {
    /// The largest file that is read.
    public static let largestFile = 1 << 20

    /// Reads a file.
    ///
    /// - Parameter noun: what the file is, for messages: "recipe".
    /// - Throws: `Fault` of kind `missingInput` when there is no such file, `inputOutput` when it cannot be read,
    ///   `badData` when it is not a regular file, `badRecipe` when it is too large or not UTF-8.
    public static func text(of path: String, noun: String) throws(Fault) -> String {
        let bytes: [UInt8]
        do throws(Fault) {
            let file = try InputFile(path)
            try checkSize(file.size, file: path, noun: noun)
            bytes = try file.contents(limit: largestFile)
        } catch {
            var fault = error
            if fault.kind == .missingInput { fault = Fault(.missingInput, "the \(noun) does not exist", file: path) }
            throw fault
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Fault(.badRecipe, "the \(noun) is not UTF-8 text", file: path)
        }
        return text
    }

    private static func checkSize(_ bytes: Int, file: String?, noun: String) throws(Fault) {
        guard bytes <= largestFile else {
            throw Fault(
                .badRecipe, "the \(noun) is too large", file: file, found: "\(bytes) bytes",
                expected: "at most \(largestFile) bytes")
        }
    }

    /// The root of a document; nil for an empty one.
    ///
    /// - Throws: `Fault` of kind `badRecipe` with line and column for what is not YAML, for anchors, aliases, tags and
    ///   tabs, and for duplicate keys.
    public static func root(_ yaml: String, file: String?, noun: String) throws(Fault) -> RecipeNode? {
        try compose(yaml, file: file, noun: noun).map { RecipeNode(node: $0, key: "the \(noun)", file: file) }
    }

    static func compose(_ yaml: String, file: String?, noun: String) throws(Fault) -> Node? {
        try checkSize(yaml.utf8.count, file: file, noun: noun)
        let yaml = yaml.unicodeScalars.first == "\u{FEFF}" ? String(yaml.unicodeScalars.dropFirst()) : yaml
        try YAMLGuard.check(yaml, file: file, noun: noun)
        do {
            // The encoding is named because the default consults an environment variable.
            let parser = try Parser(yaml: yaml, encoding: .utf8)
            return try parser.singleRoot()
        } catch let error as YamlError {
            throw RecipeSyntax.fault(error, file: file, noun: noun)
        } catch {
            throw Fault(.badRecipe, "the \(noun) is not YAML", file: file)
        }
    }
}

extension RecipeNode {
    /// A key with its value.
    public struct Member {
        public let name: String
        /// "line 3, column 5"
        public let place: String
        public let value: RecipeNode
        let file: String?

        /// - Parameter names: the keys that may stand here.
        public func unknown(among names: [String]) -> Fault {
            Fault(
                .badRecipe, "unknown key '\(RecipeNode.legible(name))'", file: file, place: place,
                expected: "one of " + names.joined(separator: ", "),
                advice: NearestName.of(name, among: names).map { "did you mean \($0)?" })
        }
    }

    public var isGroup: Bool { if case .mapping = node { true } else { false } }

    /// The keys of a group, in the order of the file.
    ///
    /// - Throws: `badRecipe` when the value is no group of keys.
    public func members() throws(Fault) -> [Member] {
        guard case .mapping(let mapping) = node else { throw mismatch("a group of keys") }
        var members: [Member] = []
        for (keyNode, value) in mapping {
            guard case .scalar(let name) = keyNode else {
                throw RecipeNode(node: keyNode, key: "a key", file: file).mismatch("a name")
            }
            members.append(
                Member(
                    name: name.string, place: keyNode.mark.map { "line \($0.line), column \($0.column)" } ?? key,
                    value: RecipeNode(node: value, key: RecipeNode.legible(name.string), file: file), file: file))
        }
        return members
    }

    /// A key for messages: in quotes a file can give it any length and terminal escapes.
    static func legible(_ name: String) -> String {
        LegibleText.of(name, limit: 80)
    }

    /// A fault at this value.
    public func fault(_ summary: String, found: String? = nil, expected: String? = nil, advice: String? = nil) -> Fault
    {
        Fault(.badRecipe, summary, file: file, place: place, found: found, expected: expected, advice: advice)
    }
}
