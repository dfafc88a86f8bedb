import Faults
import Yams

/// Messages for recipes that are not YAML or hold keys that do not exist.
public enum RecipeSyntax {
    static func unknownKey(_ name: String, prefix: String, mark: Mark?, file: String?) -> Fault {
        let keys = RecipeField.all.map(\.key) + ["version"]
        let here = Set(
            keys.filter { $0.hasPrefix(prefix) }.map { key in
                String(key.dropFirst(prefix.count).prefix { $0 != "." })
            }
        ).sorted()
        var suggestion = NearestName.of(name, among: here).map { prefix + $0 }
        if suggestion == nil {
            // Right name, wrong group.
            suggestion = keys.first { $0.hasSuffix("." + name) || $0 == name }
        }
        return Fault(
            .badRecipe, "unknown key '\(prefix)\(name)'", file: file,
            place: mark.map { "line \($0.line), column \($0.column)" },
            expected: "one of " + here.joined(separator: ", "),
            advice: suggestion.map { "did you mean \($0)?" })
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
            return fault("the key \(keys) stands more than once; here for the first time", context.mark)
        case .reader(let problem, _, _, _):
            return fault("the \(noun) is not valid YAML: \(problem)", nil)
        default:
            return fault("the \(noun) is not valid YAML", nil)
        }
    }
}
