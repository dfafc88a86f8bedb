import Faults
import Files
import Settings

extension RecipeForm {
    /// Reads a recipe's text; see `PruneRecipe.init(yaml:file:)`.
    init(readingYAML yaml: String, file: String? = nil) throws(Fault) {
        self.init()
        self.file = file
        guard let root = try StrictYAML.root(yaml, file: file, noun: "recipe") else {
            throw Fault(.badRecipe, "the recipe is empty", file: file, expected: "version: 1 and further keys")
        }
        var hasVersion = false
        try read(root, prefix: "", hasVersion: &hasVersion)
        guard hasVersion else {
            throw Fault(
                .badRecipe, "the recipe has no version", file: file, advice: "add a first line: version: 1")
        }
    }

    private mutating func read(_ group: YAMLNode, prefix: String, hasVersion: inout Bool) throws(Fault) {
        let fields = Self.fields
        for member in try group.members(under: prefix) {
            let (key, value) = (prefix + member.name, member.value)
            if key == "version" {
                let version: Int = try value.integer()
                guard version == 1 else {
                    throw Fault(
                        .badRecipe, "unknown recipe version", file: file, place: value.place, found: "\(version)",
                        expected: "1")
                }
                hasVersion = true
            } else if let field = fields.first(where: { $0.key == key }) {
                try field.read(value, &self)
                places[key] = value.position
            } else if prefix.isEmpty, fields.contains(where: { $0.key.hasPrefix(key + ".") }) {
                try read(value, prefix: key + ".", hasVersion: &hasVersion)
            } else {
                throw RecipeSyntax.unknownKey(
                    member.name, among: fields.map(\.key), prefix: prefix, place: member.place, file: file)
            }
        }
    }
}

extension PruneRecipe {
    /// Reads a recipe's text.
    ///
    /// - Parameter file: the file's name, for messages.
    /// - Throws: `Fault` of kind `badRecipe` with line and column for what is not YAML, for anchors, aliases, tags and
    ///   tabs, for unknown and duplicate keys, and for values of the wrong type.
    public init(yaml: String, file: String? = nil) throws(Fault) { try self.init(readingYAML: yaml, file: file) }

    /// Reads a recipe file. Its paths are named from the folder that it lies in.
    ///
    /// - Throws: `Fault` of kind `missingInput` when there is no such file, `inputOutput` when it cannot be read, and
    ///   as
    ///   `init(yaml:file:)`.
    public init(contentsOf path: String) throws(Fault) {
        let text = try StrictYAML.text(of: path, noun: "recipe")
        self = try PruneRecipe(yaml: text, file: path).resolvingPaths(in: FileSystem.parent(path))
    }
}
