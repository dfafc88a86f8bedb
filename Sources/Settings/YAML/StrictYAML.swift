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
    public static func root(_ yaml: String, file: String?, noun: String) throws(Fault) -> YAMLNode? {
        try compose(yaml, file: file, noun: noun).map { YAMLNode(node: $0, key: "the \(noun)", file: file) }
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
            throw StrictYAML.fault(error, file: file, noun: noun)
        } catch {
            throw Fault(.badRecipe, "the \(noun) is not YAML", file: file)
        }
    }

    /// What is wrong with a text, in words; the parser's own description repeats the text.
    public static func fault(_ error: YamlError, file: String?, noun: String) -> Fault {
        func fault(_ summary: String, _ mark: Mark?) -> Fault {
            Fault(.badRecipe, summary, file: file, place: mark.map { "line \($0.line), column \($0.column)" })
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let prefix = context.map { "\($0.text): " } ?? ""
            return fault("the \(noun) is not valid YAML: \(prefix)\(problem)", mark)
        case .duplicatedKeysInMapping(let duplicates, let context):
            let keys = duplicates.map { "'\($0)'" }.joined(separator: ", ")
            return fault("the key \(keys) appears more than once; here for the first time", context.mark)
        case .reader(let problem, _, _, _):
            return fault("the \(noun) is not valid YAML: \(problem)", nil)
        default:
            return fault("the \(noun) is not valid YAML", nil)
        }
    }
}
