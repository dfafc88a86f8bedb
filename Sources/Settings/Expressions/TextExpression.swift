/// A regular expression that is looked for in a text, in a time that grows with the text alone.
///
/// An engine that tries one way after another can be held for years by a short expression such as `^(a+)+$`. This one
/// follows all ways at once, scalar by scalar, so that a step of the text costs at most one look at each state. The
/// price is what cannot be matched so: looking around, references back and possessive forms, which are refused.
package struct TextExpression: Sendable {
    /// The longest expression, in Unicode scalars.
    static let longestPattern = 1000
    /// The most states times scalars that one search may take.
    static let mostWork = 500_000_000

    /// Why an expression cannot serve.
    package struct Refusal: Error, Equatable {
        package var reason: String
        /// "character 5"; nil for the whole expression.
        package var place: String?

        package init(reason: String, place: String? = nil) {
            self.reason = reason
            self.place = place
        }
    }

    private let program: ExpressionProgram

    package init(_ pattern: String) throws(Refusal) {
        let scalars = Array(pattern.unicodeScalars.prefix(TextExpression.longestPattern + 1))
        guard scalars.count <= TextExpression.longestPattern else {
            throw Refusal(reason: "it is longer than \(TextExpression.longestPattern) characters")
        }
        var parser = ExpressionParser(scalars)
        program = try ExpressionProgram(try parser.expression())
    }

    /// Whether the expression matches somewhere in a text.
    ///
    /// - Throws: `Refusal` for a text so long that the search could take minutes.
    package func matches(in text: String) throws(Refusal) -> Bool {
        let scalars = Array(text.unicodeScalars)
        guard scalars.count <= TextExpression.mostWork / program.cost else {
            throw Refusal(reason: "the text has \(scalars.count) characters, too many for so large an expression")
        }
        var search = ExpressionSearch(program, text: scalars)
        return search.succeeds()
    }
}
