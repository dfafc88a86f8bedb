/// One search of a text, which holds every state that a match begun anywhere before could be in.
struct ExpressionSearch {
    private let steps: [ExpressionProgram.Step]
    private let text: [Unicode.Scalar]
    /// The last place at which a state was entered, so that none is entered twice there.
    private var enteredAt: [Int]
    private var pending: [Int] = []

    init(_ program: ExpressionProgram, text: [Unicode.Scalar]) {
        steps = program.steps
        self.text = text
        enteredAt = Array(repeating: -1, count: program.steps.count)
    }

    mutating func succeeds() -> Bool {
        var current: [Int] = []
        var next: [Int] = []
        for place in 0...text.count {
            // Another match may begin at each place.
            if enter(0, at: place, into: &current) { return true }
            guard place < text.count else { return false }
            next.removeAll(keepingCapacity: true)
            for state in current {
                guard case .one(let set) = steps[state], set.contains(text[place]) else { continue }
                if enter(state + 1, at: place + 1, into: &next) { return true }
            }
            swap(&current, &next)
        }
        return false
    }

    /// Follows what takes no scalar; true when that is the end of the expression.
    private mutating func enter(_ state: Int, at place: Int, into list: inout [Int]) -> Bool {
        pending.append(state)
        while let state = pending.popLast() {
            guard enteredAt[state] != place else { continue }
            enteredAt[state] = place
            switch steps[state] {
            case .accept: return true
            case .one: list.append(state)
            case .jump(let target): pending.append(target)
            case .split(let first, let second): pending += [second, first]
            case .assertion(let assertion): if assertion.holds(at: place, of: text) { pending.append(state + 1) }
            }
        }
        return false
    }
}
