/// A regular expression as states: repetitions are written out, so that a search need not count.
struct ExpressionProgram: Sendable {
    enum Step: Sendable {
        case one(ScalarSet)
        case assertion(ExpressionNode.Assertion)
        /// Goes on at both places.
        case split(Int, Int)
        case jump(Int)
        case accept
    }

    /// The most that repetitions may be written out to.
    static let mostStates = 10_000

    private(set) var steps: [Step] = []
    /// What one scalar of a text costs at most.
    private(set) var cost = 1

    init(_ node: ExpressionNode) throws(TextExpression.Refusal) {
        try emit(node)
        steps.append(.accept)
    }

    private mutating func add(_ step: Step, cost: Int = 1) throws(TextExpression.Refusal) {
        steps.append(step)
        try spend(cost)
    }

    private mutating func spend(_ amount: Int) throws(TextExpression.Refusal) {
        cost += amount
        guard cost <= ExpressionProgram.mostStates else {
            throw TextExpression.Refusal(
                reason: "its repetitions come to more than \(ExpressionProgram.mostStates) states")
        }
    }

    private mutating func emit(_ node: ExpressionNode) throws(TextExpression.Refusal) {
        // What emits no step counts, too: an empty group can be repeated without end.
        try spend(1)
        switch node {
        case .empty: break
        case .one(let set): try add(.one(set), cost: set.cost)
        case .assertion(let assertion): try add(.assertion(assertion))
        case .sequence(let parts): for part in parts { try emit(part) }
        case .choice(let parts):
            var ends: [Int] = []
            for (index, part) in parts.enumerated() {
                guard index < parts.count - 1 else {
                    try emit(part)
                    break
                }
                let split = steps.count
                try add(.split(0, 0))
                try emit(part)
                ends.append(steps.count)
                try add(.jump(0))
                steps[split] = .split(split + 1, steps.count)
            }
            for end in ends { steps[end] = .jump(steps.count) }
        case .repeated(let part, let least, let most):
            for _ in 0..<least { try emit(part) }
            guard let most else {
                let split = steps.count
                try add(.split(0, 0))
                try emit(part)
                try add(.jump(split))
                steps[split] = .split(split + 1, steps.count)
                return
            }
            var splits: [Int] = []
            for _ in least..<most {
                splits.append(steps.count)
                try add(.split(0, 0))
                try emit(part)
            }
            for split in splits { steps[split] = .split(split + 1, steps.count) }
        }
    }
}
