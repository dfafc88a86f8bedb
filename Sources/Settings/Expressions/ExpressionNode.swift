/// A parsed regular expression.
indirect enum ExpressionNode: Sendable {
    case empty
    /// One scalar.
    case one(ScalarSet)
    case sequence([ExpressionNode])
    case choice([ExpressionNode])
    case repeated(ExpressionNode, atLeast: Int, atMost: Int?)
    case assertion(Assertion)

    /// A condition on a place between two scalars.
    enum Assertion: Sendable {
        case textStart, textEnd, textEndOrLastBreak, lineStart, lineEnd, wordEdge, noWordEdge

        func holds(at place: Int, of text: [Unicode.Scalar]) -> Bool {
            switch self {
            case .textStart: place == 0
            case .textEnd: place == text.count
            case .textEndOrLastBreak:
                place == text.count || (place == text.count - 1 && ScalarSet.isLineBreak(text[place]))
            case .lineStart: place == 0 || ScalarSet.isLineBreak(text[place - 1])
            case .lineEnd: place == text.count || ScalarSet.isLineBreak(text[place])
            case .wordEdge: Assertion.isWordEdge(place, of: text)
            case .noWordEdge: !Assertion.isWordEdge(place, of: text)
            }
        }

        private static func isWordEdge(_ place: Int, of text: [Unicode.Scalar]) -> Bool {
            let before = place > 0 && ScalarSet.Kind.word.contains(text[place - 1])
            let after = place < text.count && ScalarSet.Kind.word.contains(text[place])
            return before != after
        }
    }
}
