import Decoders
import Faults
import Randomness
import Recipes
import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// WANDA++ with the regional optimizer that measurement favoured: the default.
///
/// What differs from the published one (`PublishedWandaPP`), with the numbers in Documentation/WandaPlusPlus.md:
/// the target is the dense model's own stream, so that a block also makes up for what the blocks before it broke; the
/// error of each token is relative to that token, so that massive activations do not drown the others; optimisation
/// starts from SparseGPT's mask and update and takes Adam steps relative to each linear's scale; the mask is chosen anew
/// while optimising, from dense shadow weights whose gradient passes the mask straight through; sequences kept out
/// decide whether the result stands.
public struct WandaPP: BlockPruner {
    public struct Options: Equatable, Sendable {
        /// Passes over the optimised sequences.
        public var epochs = 5.0
        /// Sequences for one step.
        public var stepSamples = 4
        /// Step size as a share of a linear's mean |w|.
        public var learningRate = 5e-3
        public var beta1 = 0.9
        public var beta2 = 0.95
        public var warmup = 0.05
        /// Steps between choices of the mask; 0 keeps the first.
        public var reselectEvery = 1
        /// The share of the steps after which the mask stays.
        public var reselectUntil = 0.75
        /// Weight of the regional gradient in the score.
        public var alpha = 0.0
        /// 1: the target is the dense stream; 0: the dense block on the pruned stream.
        public var denseTarget = 1.0

        public init() {}
    }

    public var options: Options

    public init(_ options: Options = Options()) { self.options = options }

    public let needsSamples = true
    public let needsDenseStream = true

    public func forwards(samples: Int) -> Double {
        let kept = WandaPP.keptOut(of: samples).count
        return Double(samples) * (BlockCost.statistics + BlockCost.gram)
            + options.epochs * Double(samples - kept) * BlockCost.forwardBackward + 2 * Double(kept)
    }

    /// One in eight sequences is not optimised on but decides.
    static func keptOut(of samples: Int) -> [Int] { Array(stride(from: 7, to: samples, by: 8)) }

    public func prune(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        let statistics = try task.statistics(of: task.block, gram: true)
        let start = try SparseGPTPruner().prune(task, statistics: statistics)
        let run = try RegionalOptimization(task, start: start, statistics: statistics, options: options)
        return try run.outcome()
    }
}

/// The regional optimizer at work on one block.
private struct RegionalOptimization {
    let task: BlockTask
    let start: BlockOutcome
    let statistics: InputStatistics
    let options: WandaPP.Options
    let kept: [Int]
    let optimised: [Int]

    init(_ task: BlockTask, start: BlockOutcome, statistics: InputStatistics, options: WandaPP.Options) throws(Fault) {
        self.task = task
        self.start = start
        self.statistics = statistics
        self.options = options
        let kept = Set(WandaPP.keptOut(of: task.input.samples))
        self.kept = kept.sorted()
        optimised = (0..<task.input.samples).filter { !kept.contains($0) }
    }

    /// What the optimizer moves in one projection.
    private struct Trained {
        let name: ProjectionName
        /// Dense shadow weights [Σ out, in], float32.
        let shadow: Tensor
        var mask: Tensor
        /// What the forward pass uses: the shadow under the mask, in the number type of the products.
        let working: Tensor
        let first: Tensor
        let second: Tensor
        let rate: Double
    }

    func outcome() throws(Fault) -> BlockOutcome {
        var trained: [Trained] = []
        var leaves = task.block.to(task.compute)
        for name in ProjectionName.allCases {
            guard let mask = start.masks[name] else { continue }
            // Where the mask cuts, the shadow keeps the dense weight, so that it can win its place back.
            let dense = task.block[name].weight
            let shadow = Tensor.choose(mask, start.block[name].weight, dense).contiguous()
            let working = start.block[name].weight.to(task.compute).clone()
            working.requireGradient()
            leaves[name] = task.block[name].with(weight: working)
            trained.append(
                Trained(
                    name: name, shadow: shadow, mask: mask, working: working, first: Tensor.zeros(dense.shape),
                    second: Tensor.zeros(dense.shape),
                    rate: options.learningRate * dense.magnitude().mean().scalar))
        }
        let target = try Target(task, share: options.denseTarget)
        let before = try keptOutError(start.block.to(task.compute), target)
        let losses = try optimise(&trained, leaves: leaves, target: target)

        var result = start
        result.losses = losses
        for part in trained {
            result.masks[part.name] = part.mask
            result.block[part.name] = task.block[part.name].with(weight: part.shadow * part.mask)
        }
        let after = try keptOutError(result.block.to(task.compute), target)
        // A not-a-number fails the comparison and is sent back as well.
        guard kept.isEmpty || after < before else {
            var restored = start
            restored.losses = losses
            restored.restored = true
            restored.unoptimised = start.unoptimised
            return restored
        }
        return result
    }

    private func optimise(_ trained: inout [Trained], leaves: Block, target: Target) throws(Fault) -> [Double] {
        let size = min(options.stepSamples, optimised.count)
        let steps = max(1, Int(options.epochs * Double(optimised.count) / Double(size)))
        let perEpoch = max(1, optimised.count / size)
        var generator = SplitMix64(seed: task.seed ^ (UInt64(task.layer) &* 0x9E37_79B9_7F4A_7C15))
        var queue: [Int] = []
        var losses: [Double] = []
        var sum = 0.0
        for step in 1...steps {
            if queue.count < size { queue += generator.permutation(optimised.count).map { optimised[$0] } }
            let samples = Array(queue.prefix(size))
            queue.removeFirst(size)
            let progress = Double(step - 1) / Double(steps)
            if options.reselectEvery > 0, step > 1, progress < options.reselectUntil,
                (step - 1) % options.reselectEvery == 0
            {
                for index in trained.indices { reselect(&trained[index]) }
            }
            let x = try task.input.read(samples).to(task.device)
            let (goal, weight) = try target.read(samples)
            let output = Engine.withGradient(true) { leaves(x, rotary: task.rotary) }
            Engine.withoutGradient {
                let error = output.detached() - goal
                let weighted = error * weight
                sum += (weighted * error).sum().scalar / Double(error.count)
                output.backward(gradient: weighted)
                let pace = schedule(step: step, of: steps)
                for part in trained {
                    let gradient = part.working.takeGradient()
                    task.block[part.name].freezeOthers(gradient, goals: task.goals)
                    part.shadow.adamStep(
                        gradient: gradient, first: part.first, second: part.second, mask: part.mask,
                        working: part.working, rate: part.rate * pace, beta1: options.beta1, beta2: options.beta2,
                        epsilon: 1e-12, step: step)
                }
            }
            if step % perEpoch == 0 || step == steps {
                losses.append(sum / Double(step % perEpoch == 0 ? perEpoch : step % perEpoch))
                sum = 0
            }
            task.progress(Double(step) / Double(steps))
        }
        return losses
    }

    /// Linear warm-up, then half a cosine to zero.
    private func schedule(step: Int, of steps: Int) -> Double {
        let rise = min(1, Double(step) / max(1, options.warmup * Double(steps)))
        return rise * 0.5 * (1 + cos(Double.pi * Double(step - 1) / Double(steps)))
    }

    private func reselect(_ part: inout Trained) {
        let projection = task.block[part.name]
        let scores = Scores.wanda(part.shadow, squares: statistics.squares(part.name))
        part.mask = projection.mask(scores: scores, goals: task.goals, group: .row)
        part.working.detached().copy(from: part.shadow * part.mask)
    }

    /// The relative error of the sequences kept out: mean over tokens of ‖ŷ − y‖² / ‖y‖².
    private func keptOutError(_ block: Block, _ target: Target) throws(Fault) -> Double {
        var sum = 0.0
        for samples in task.batches(of: kept) {
            let error = try task.forward(block, samples: samples) - target.read(samples).goal
            sum += try (error * error * target.read(samples).weight).sum().scalar / Double(error.count)
                * Double(samples.count)
        }
        return sum / Double(max(1, kept.count))
    }
}

/// What a block's output should be, with the weight of each token's squared error.
private struct Target {
    private let task: BlockTask
    private let own: HiddenStream?
    private let share: Double

    init(_ task: BlockTask, share: Double) throws(Fault) {
        self.task = task
        self.share = task.denseOutput == nil ? 0 : share
        guard self.share < 1 else {
            own = nil
            return
        }
        let stream = task.input
        let teacher = try HiddenStream(samples: stream.samples, tokens: stream.tokens, hidden: stream.hidden)
        let working = task.block.to(task.compute)
        for range in stream.batches(of: task.batch) {
            try teacher.write(task.forward(working, samples: Array(range)), at: range.lowerBound)
        }
        own = teacher
    }

    /// The goal [count, tokens, hidden], and 1 / mean square of each of its tokens [count, tokens, 1].
    func read(_ samples: [Int]) throws(Fault) -> (goal: Tensor, weight: Tensor) {
        var goal: Tensor
        switch (task.denseOutput, own) {
        case (let dense?, let own?):
            goal = try dense.read(contiguous: samples) * share + own.read(contiguous: samples) * (1 - share)
        case (let dense?, nil): goal = try dense.read(contiguous: samples)
        case (nil, let own?): goal = try own.read(contiguous: samples)
        case (nil, nil): goal = try task.input.read(contiguous: samples)
        }
        goal = goal.to(task.device)
        let meanSquare = (goal * goal).mean(2, keep: true) + 1e-12
        return (goal, Tensor.full([1], 1, device: task.device) / meanSquare)
    }
}
