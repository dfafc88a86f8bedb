import Faults
import Settings

/// Messages for recipes that hold keys that do not exist.
enum RecipeSyntax {
    static func unknownKey(_ name: String, among known: [String], prefix: String, place: String, file: String?) -> Fault
    {
        let keys = known + ["version"]
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
            place: place,
            expected: "one of " + here.joined(separator: ", "),
            advice: suggestion.map { "did you mean \($0)?" })
    }
}
