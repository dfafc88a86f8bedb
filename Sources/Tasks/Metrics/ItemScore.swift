/// An item's result.
public struct ItemScore: Equatable, Sendable {
    /// One for each choice; for a running text one with the sum over its windows.
    public var likelihoods: [Likelihood]
    /// The likeliest choice, and the likeliest by `acc_norm`'s measure; the first of equals.
    public var predicted: Int
    public var predictedNormalized: Int
    /// The right choice; 0 for an item without choices.
    public var gold: Int
    /// Words and bytes of a running text.
    public var words: Int
    public var bytes: Int
    /// Log-likelihoods divided by the choices' Unicode scalars.
    public var normalized: [Double]

    public init(_ item: TaskItem, _ answers: [Likelihood]) {
        likelihoods = answers
        words = 0
        bytes = 0
        gold = 0
        let sums = answers.map(\.logProbability)
        normalized = sums
        switch item {
        case .choices(_, let choices, let right):
            gold = right
            normalized = zip(sums, choices).map { $0 / Double($1.unicodeScalars.count) }
        case .prompts(_, _, let right): gold = right
        case .completion: break
        case .text(_, let wordCount, let byteCount):
            (words, bytes) = (wordCount, byteCount)
            likelihoods = [
                Likelihood(logProbability: sums.reduce(0, +), isGreedy: answers.allSatisfy(\.isGreedy))
            ]
            normalized = likelihoods.map(\.logProbability)
        }
        predicted = ItemScore.firstLargest(sums)
        predictedNormalized = ItemScore.firstLargest(normalized)
    }

    /// `numpy.argmax`: the first largest; the first that is not a number where there is one.
    static func firstLargest(_ values: [Double]) -> Int {
        if let index = values.firstIndex(where: \.isNaN) { return index }
        return values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
    }

    var isNumber: Bool { likelihoods.allSatisfy { !$0.logProbability.isNaN } }
}
