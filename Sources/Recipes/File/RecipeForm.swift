import Faults

/// What a recipe file can ask for: a table of keys, each of which is given or not.
protocol RecipeForm {
    init()
    /// In the order in which a recipe is written.
    static var fields: [RecipeField<Self>] { get }
    /// The recipe file, and where in it each key's value stands; keys that came from flags have no place.
    var file: String? { get set }
    var places: [String: String] { get set }
}

extension RecipeForm {
    /// The error for the value of a key: a bad recipe where the value came from a file, else bad usage of its flag.
    func fault(
        _ key: String, _ summary: String, found: String? = nil, expected: String? = nil, advice: String? = nil
    ) -> Fault {
        guard let place = places[key] else {
            let flag = Self.fields.first { $0.key == key }?.flag
            return Fault(
                .usage, summary, place: flag, found: found, expected: expected, advice: advice)
        }
        return Fault(
            .badRecipe, summary, file: file, place: "\(place) (\(key))", found: found, expected: expected,
            advice: advice)
    }
}

/// A value as a recipe's text has it.
enum WrittenValue: Equatable {
    case scalar(String)
    case list([String])
}
