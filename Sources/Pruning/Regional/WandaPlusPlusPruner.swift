import Decoders
import Faults
import Randomness
import Torch

/// WANDA++ as published (arXiv 2503.04992, algorithm 1): `--preset paper`.
///
/// Teacher: the dense block on the pruned stream. For k = 1…K: draw sequences, refresh ‖X‖ on them, prune by the
/// regional score, then one RMSprop step for each sequence on the summed squared error, the mask not enforced within a
/// round. A last prune with ‖X‖ over all samples restores the sparsity.
public struct WandaPlusPlusPruner: BlockPruner {
    public var alpha: Double
    public var rounds: Int
    public var roundSamples: Int
    public var learningRate: Double
    public var usesGradient: Bool
    public var usesOptimizer: Bool

    public init(
        alpha: Double = 100, rounds: Int = 5, roundSamples: Int = 32, learningRate: Double = 3e-7,
        usesGradient: Bool = true, usesOptimizer: Bool = true
    ) {
        self.alpha = alpha
        self.rounds = rounds
        self.roundSamples = roundSamples
        self.learningRate = learningRate
        self.usesGradient = usesGradient
        self.usesOptimizer = usesOptimizer
    }

    public let group = ComparisonGroup.row
    public var candidate: any BlockPruner { SparseGPTPruner() }
    public var keptStates: String? {
        usesOptimizer ? "the outputs of the dense block, which the preset paper trains to" : nil
    }

    public func work(samples: Int) -> BlockWork {
        let (n, drawn) = (Double(samples), Double(min(roundSamples, samples) * rounds))
        var work = BlockWork(masks: 1)
        if usesGradient {
            (work.trainings, work.accumulations) = (n, n)
        } else if usesOptimizer {
            work.forwards = n
        } else {
            work.statistics = n
        }
        guard usesOptimizer else { return work }
        return work
            + BlockWork(
                statistics: drawn + n, trainings: drawn, updates: drawn, masks: Double(rounds), tellsStart: true)
    }

    public func optimiserBytes(_ size: BlockSize) -> Int {
        let e = size.gradientByteCount
        // The regional gradient, the weights under way, their state and gradients; the dense block's outputs.
        let narrow = e < 4 ? size.weights * e : 0
        let teacher = usesOptimizer ? size.samples * size.tokens * size.hidden * 4 : 0
        return (usesGradient ? size.weights * 4 : 0) + size.weights * (4 + 4 + 4 + e) + narrow + size.weights + teacher
    }

    public func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        let stream = task.input
        let teacher =
            usesOptimizer
            ? try HiddenStream(
                samples: stream.samples, tokens: stream.tokens, hidden: stream.hidden, place: stream.memory) : nil
        var gradient: RegionalGradient?
        var dense: InputStatistics
        if usesGradient {
            let regional = try RegionalGradient(task, teacher: teacher)
            gradient = regional
            dense = regional.statistics
        } else if let teacher {
            dense = InputStatistics(block: task.block, device: task.device)
            let working = task.block.to(task.compute)
            for range in stream.batches(of: task.batch) {
                let x = try stream.read(range).to(task.device)
                try teacher.write(Engine.withoutGradient { working(x, rotary: task.rotary) }, at: range.lowerBound)
            }
        } else {
            dense = try task.statistics(of: task.block)
        }
        guard let teacher else { return outcome(task, block: task.block, statistics: dense, gradient: gradient) }

        var block = task.block.copied()
        var losses: [Double] = []
        var unoptimised: Block?
        for round in 1...max(1, rounds) where rounds > 0 {
            let drawn = WandaPlusPlusPruner.draw(
                min(roundSamples, stream.samples), of: stream.samples, seed: task.seed, layer: task.layer, round: round)
            let statistics = try task.statistics(of: block, samples: drawn)
            block = outcome(task, block: block, statistics: statistics, gradient: gradient).block
            if round == 1 { unoptimised = block.copied() }
            losses.append(try optimise(&block, task: task, samples: drawn, teacher: teacher))
            task.progress(Double(round) / Double(rounds))
        }
        let statistics = try task.statistics(of: block)
        var result = outcome(task, block: block, statistics: statistics, gradient: gradient)
        result.losses = losses
        result.unoptimised = unoptimised
        return result
    }

    /// The sequences of a round: the first of 0 ..< count in an order shuffled from seed, layer and round alone, so
    /// that a resumed run draws the same.
    static func draw(_ count: Int, of total: Int, seed: UInt64, layer: Int, round: Int) -> [Int] {
        let mixed =
            UInt64(layer) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(round) &* 0xBF58_476D_1CE4_E5B9
        var generator = SplitMix64(seed: seed ^ mixed)
        return Array(generator.permutation(total).prefix(count))
    }

    /// Prunes `block` by S = (α·G + ‖X‖)·|W|, or by Wanda's score without G.
    private func outcome(
        _ task: BlockTask, block: Block, statistics: InputStatistics, gradient: RegionalGradient?
    ) -> BlockOutcome {
        var result = BlockOutcome(block: block, masks: [:])
        for name in block.projections where task.hasGoal(name) {
            let projection = block[name]
            let squares = statistics.squares(name)
            let scores =
                gradient?.values[name].map {
                    Scores.regional(projection.weight, squares: squares, gradient: $0, alpha: alpha)
                } ?? Scores.wanda(projection.weight, squares: squares)
            let mask = projection.mask(scores: scores, goals: task.goals, group: .row)
            result.masks[name] = mask
            result.block[name] = projection.with(weight: projection.weight * mask)
        }
        return result
    }

    /// One RMSprop step for each sequence on ‖f̂(X) − f(X)‖²; gives the mean loss.
    private func optimise(
        _ block: inout Block, task: BlockTask, samples: [Int], teacher: HiddenStream
    ) throws(Fault) -> Double {
        let trainingType = task.compute.forGradients
        var leaves = block
        var squares: [ProjectionName: Tensor] = [:]
        let trained = block.projections.filter { task.hasGoal($0) }
        for name in trained {
            let weight = block[name].weight
            let working = trainingType == .float32 ? weight : weight.to(trainingType)
            working.requireGradient()
            leaves[name] = block[name].with(weight: working)
            squares[name] = Tensor.zeros(weight.shape, device: task.device)
        }
        for name in block.projections where !task.hasGoal(name) {
            leaves[name] = block[name].with(weight: block[name].weight.to(trainingType))
        }
        var total = 0.0
        for sample in samples {
            let x = try task.input.read(sample..<sample + 1).to(task.device)
            let target = try teacher.read(sample..<sample + 1).to(task.device)
            let output = Engine.withGradient(true) { leaves(x, rotary: task.rotary) }
            Engine.withoutGradient {
                let error = output.detached() - target
                total += (error * error).sum().scalar
                output.backward(gradient: error * 2)
                for name in trained {
                    let leaf = leaves[name].weight
                    let gradient = leaf.takeGradient()
                    block[name].freezeOthers(gradient, goals: task.goals)
                    block[name].weight.rmspropStep(
                        gradient: gradient, square: squares[name] ?? gradient,
                        working: trainingType == .float32 ? nil : leaf, rate: learningRate)
                }
            }
        }
        if trainingType == .float32 { for name in trained { block[name].weight.requireGradient(false) } }
        return total / Double(samples.count)
    }
}

extension Projection {
    /// Clears the gradient of linears that are not to be pruned: they stay as they are.
    func freezeOthers(_ gradient: Tensor, goals: Goals) {
        for (name, rows) in rows(of: gradient) where goals[name] == nil { rows.fill(0) }
    }
}

extension Block {
    /// The same block with weights of its own.
    func copied() -> Block {
        var copy = self
        for name in projections { copy[name] = self[name].with(weight: self[name].weight.clone()) }
        return copy
    }
}
