import Faults

/// A value with one text form, the same on the command line and in a recipe.
public protocol OptionValue: Sendable, Equatable {
    /// - Throws: `Fault` of kind `usage` that says what was found and what is allowed.
    init(parsing text: String) throws(Fault)

    /// The canonical text, which `init(parsing:)` reads back to an equal value.
    var text: String { get }
}

/// An option that is one of a few words.
public protocol OptionWord: OptionValue, RawRepresentable, CaseIterable where RawValue == String {
    /// What the words are, for messages: "method".
    static var noun: String { get }
}

extension OptionWord {
    public init(parsing text: String) throws(Fault) {
        guard let value = Self(rawValue: text) else {
            let words = Self.allCases.map(\.rawValue)
            throw Fault(
                .usage, "unknown \(Self.noun)", found: text, expected: words.joined(separator: ", "),
                advice: NearestName.of(text, among: words).map { "did you mean \($0)?" })
        }
        self = value
    }

    public var text: String { rawValue }
}
