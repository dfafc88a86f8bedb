import Faults
import Settings

/// One key of a recipe: its name in the file, its flag, and how its value is read, written and copied.
///
/// Reader, writer and merge all walk this one table, so that a key cannot be known to one and not to another.
struct RecipeField<Recipe: RecipeForm> {
    /// The dotted path, "calibration.samples".
    let key: String
    let flag: String
    let read: (YAMLNode, inout Recipe) throws(Fault) -> Void
    /// The YAML of the value, or nil when it is not given. A list has one element per item.
    let write: (Recipe) -> WrittenValue?
    let copy: (Recipe, inout Recipe) -> Void
    let clear: (inout Recipe) -> Void

    var isRegional: Bool { key.hasPrefix("regional.") }
    var isStructural: Bool { key.hasPrefix("structure.") }
    func isGiven(_ recipe: Recipe) -> Bool { write(recipe) != nil }

    static func field<Value>(
        _ key: String, _ flag: String, _ path: WritableKeyPath<Recipe, Value?>,
        read: @escaping (YAMLNode) throws(Fault) -> Value, write: @escaping (Value) -> WrittenValue
    ) -> RecipeField {
        RecipeField(
            key: key, flag: flag,
            read: { (node: YAMLNode, recipe: inout Recipe) throws(Fault) in
                recipe[keyPath: path] = try read(node)
            },
            write: { $0[keyPath: path].map(write) },
            copy: { $1[keyPath: path] = $0[keyPath: path] },
            clear: { $0[keyPath: path] = nil })
    }

    static func text(
        _ key: String, _ flag: String, _ path: WritableKeyPath<Recipe, String?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.text() },
            write: { .scalar(RecipeWriter.quoted($0)) })
    }

    static func list(
        _ key: String, _ flag: String, _ path: WritableKeyPath<Recipe, [String]?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.texts() },
            write: { .list($0.map(RecipeWriter.quoted)) })
    }

    static func flag(
        _ key: String, _ flag: String, _ path: WritableKeyPath<Recipe, Bool?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.bool() },
            write: { .scalar($0 ? "true" : "false") })
    }

    static func integer<Value: FixedWidthInteger>(
        _ key: String, _ flag: String, _ path: WritableKeyPath<Recipe, Value?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.integer() },
            write: { .scalar("\($0)") })
    }

    static func number(
        _ key: String, _ flag: String, _ path: WritableKeyPath<Recipe, Double?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.number() },
            write: { .scalar("\($0)") })
    }

    static func option<Value: OptionValue>(
        _ key: String, _ flag: String, _ path: WritableKeyPath<Recipe, Value?>
    ) -> RecipeField {
        field(
            key, flag, path, read: { (node: YAMLNode) throws(Fault) in try node.option() },
            write: { .scalar(RecipeWriter.quoted($0.text)) })
    }
}
