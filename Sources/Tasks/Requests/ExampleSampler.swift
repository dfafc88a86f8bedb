/// Draws solved examples as lm-evaluation-harness does: item after item from one generator for each task.
struct ExampleSampler {
    /// The seed that lm-evaluation-harness draws examples with unless told otherwise.
    static let seed: UInt32 = 1234

    let pool: [TaskItem]
    let rule: TaskDefinition.Examples
    private var random = PythonRandom(seed: ExampleSampler.seed)

    init(pool: [TaskItem], rule: TaskDefinition.Examples) {
        self.pool = pool
        self.rule = rule
    }

    /// - Parameter count: at most the pool's size, one less where the item is to be left out.
    mutating func examples(_ count: Int, for item: TaskItem) -> [TaskItem] {
        guard count > 0 else { return [] }
        switch rule {
        case .first: return Array(pool.prefix(count))
        case .drawn: return random.sample(pool.count, count).map { pool[$0] }
        case .drawnWithoutItem:
            let drawn = random.sample(pool.count, count + 1).map { pool[$0] }.filter { $0 != item }
            if drawn.count >= count { return Array(drawn.prefix(count)) }
            // Several copies of the item were drawn.
            let others = pool.filter { $0 != item }
            return random.sample(others.count, min(count, others.count)).map { others[$0] }
        }
    }
}
