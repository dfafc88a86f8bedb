import Faults
import Yams

extension PruneRecipe {
    /// Reads a recipe's text.
    ///
    /// - Parameter file: the file's name, for messages.
    /// - Throws: `Fault` of kind `badRecipe` with line and column for what is not YAML, for anchors, aliases, tags and
    ///   tabs, for unknown and duplicate keys, and for values of the wrong type.
    public init(yaml: String, file: String? = nil) throws(Fault) {
        self.init()
        self.file = file
        guard let root = try StrictYAML.compose(yaml, file: file, noun: "recipe") else {
            throw Fault(.badRecipe, "the recipe is empty", file: file, expected: "version: 1 and further keys")
        }
        var hasVersion = false
        try read(root, prefix: "", hasVersion: &hasVersion)
        guard hasVersion else {
            throw Fault(
                .badRecipe, "the recipe does not say its version", file: file, advice: "begin it with: version: 1")
        }
    }

    /// Reads a recipe file.
    ///
    /// - Throws: `Fault` of kind `missingInput` when there is no such file, `inputOutput` when it cannot be read, and as
    ///   `init(yaml:file:)`.
    public init(contentsOf path: String) throws(Fault) {
        let text = try StrictYAML.text(of: path, noun: "recipe")
        try self.init(yaml: text, file: path)
    }

    private mutating func read(_ node: Node, prefix: String, hasVersion: inout Bool) throws(Fault) {
        guard case .mapping(let mapping) = node else {
            let place = RecipeNode(
                node: node, key: prefix.isEmpty ? "the recipe" : String(prefix.dropLast()), file: file)
            throw place.mismatch("a group of keys")
        }
        let fields = RecipeField.all
        for (keyNode, value) in mapping {
            guard case .scalar(let name) = keyNode else {
                throw RecipeNode(node: keyNode, key: "a key", file: file).mismatch("a name")
            }
            let key = prefix + name.string
            let place = RecipeNode(node: value, key: key, file: file)
            if key == "version" {
                let version: Int = try place.integer()
                guard version == 1 else {
                    throw Fault(
                        .badRecipe, "unknown recipe version", file: file, place: place.place, found: "\(version)",
                        expected: "1")
                }
                hasVersion = true
            } else if let field = fields.first(where: { $0.key == key }) {
                try field.read(place, &self)
                places[key] = value.mark.map { "line \($0.line), column \($0.column)" }
            } else if prefix.isEmpty, fields.contains(where: { $0.key.hasPrefix(key + ".") }) {
                try read(value, prefix: key + ".", hasVersion: &hasVersion)
            } else {
                throw RecipeSyntax.unknownKey(name.string, prefix: prefix, mark: keyNode.mark, file: file)
            }
        }
    }
}
