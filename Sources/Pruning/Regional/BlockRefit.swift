import Decoders
import Faults
import Randomness
import Files
import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The optimizer that makes up, within a block, for what was removed of it: every weight that is there may move.
///
/// The target is the dense model's own stream, so that a block also makes up for what the blocks before it broke; the
/// error of each token is relative to that token and channels that vary little count more, so that massive activations
/// do not drown the others; the steps are Adam's, relative to each linear's scale, on a schedule; and sequences that
/// were kept out decide whether the result stands. How it compares with the published optimizer is in
/// Documentation/Experiments/WandaPlusPlus.md.
public struct BlockRefit: BlockWorker, Sendable {
    public struct Options: Equatable, Sendable {
        /// Passes over the optimised sequences; 0 leaves the start.
        public var passes = 5
        /// Sequences for one step.
        public var stepSamples = 2
        /// Step size as a share of a linear's mean |w|.
        public var learningRate = 3e-2
        public var beta1 = 0.9
        public var beta2 = 0.95
        /// The share of the steps over which the step size rises.
        public var warmup = 0.05
        /// How often the optimizer begins again with a quarter of the step size, where a whole pass has brought nothing.
        public var retreats = 3

        public init() {}
    }

    public var options: Options

    public init(_ options: Options = Options()) { self.options = options }

    public let needsDenseStream = true

    /// One in eight sequences, and at least one, is not optimised on but decides. A single sequence is all there is: it
    /// cannot do both.
    public static func keptOut(of samples: Int) -> [Int] {
        samples < 8 ? Array((0..<samples).suffix(1)) : Array(stride(from: 7, to: samples, by: 8))
    }

    public func work(samples: Int) -> BlockWork {
        var work = BlockWork(tellsStart: true)
        guard options.passes > 0, samples > 1 else { return work }
        let kept = BlockRefit.keptOut(of: samples).count
        let optimised = samples - kept
        work.step = min(options.stepSamples, optimised)
        let steps = max(1, options.passes * optimised / max(1, work.step))
        work.trainings = Double(steps * work.step)
        work.updates = Double(steps)
        // The start, and a look after every pass, the last of which may be cut short.
        let pass = max(1, optimised / max(1, work.step))
        let looks = Double(1 + (steps + pass - 1) / pass)
        (work.forwards, work.casts) = (Double(kept) * looks, looks)
        return work
    }

    public func optimiserBytes(_ size: BlockSize) -> Int {
        let e = size.gradientByteCount
        // The start and its mask, the best state and what is compared with it, the weights under way, two moments,
        // gradients.
        return size.weights * (4 + 1 + 4 + 4 + 4 + 8 + e + e)
    }

    /// Re-fits a block of which heads and neurons are gone.
    ///
    /// - Parameter task: its block may have fewer heads and neurons than the dense one, whose output is the target.
    public func refit(_ task: BlockTask) throws(Fault) -> BlockOutcome {
        var start = BlockOutcome(block: task.block, masks: [:])
        for name in task.block.projections where task.hasGoal(name) {
            start.masks[name] = Tensor.full(task.block[name].weight.shape, 1, .bool, device: task.device)
        }
        guard !start.masks.isEmpty else { return start }
        return try refit(task, start: start)
    }

    /// Moves what the masks of `start` leave.
    ///
    /// - Parameter task: its block is the dense one.
    func refit(_ task: BlockTask, start: BlockOutcome) throws(Fault) -> BlockOutcome {
        guard options.passes > 0, task.input.samples > 1 else { return start }
        // The solvers' square matrices leave pieces into which the optimizer's tensors do not fit.
        Machine.returnFreedMemory(before: task.block.byteCount)
        return try RegionalOptimization(task, start: start, options: options).outcome()
    }
}

/// The regional optimizer at work on one block.
private struct RegionalOptimization {
    let task: BlockTask
    let start: BlockOutcome
    let options: BlockRefit.Options
    let kept: [Int]
    let optimised: [Int]

    init(_ task: BlockTask, start: BlockOutcome, options: BlockRefit.Options) {
        self.task = task
        self.start = start
        self.options = options
        let kept = Set(BlockRefit.keptOut(of: task.input.samples))
        self.kept = kept.sorted()
        optimised = (0..<task.input.samples).filter { !kept.contains($0) }
    }

    /// What the optimizer moves in one projection.
    private struct Trained {
        let name: ProjectionName
        /// [Σ out, in] float32
        let weight: Tensor
        let mask: Tensor
        /// What the forward pass uses: the weight under the mask, in the number type of differentiated products.
        let working: Tensor
        let first: Tensor
        let second: Tensor
        /// Full step size of each linear; one that is not pruned has none and stays.
        let rates: [LinearName: Double]
    }

    /// - Parameter share: of a linear's mean |w|.
    private func rates(_ name: ProjectionName, _ share: Double) -> [LinearName: Double] {
        var rates: [LinearName: Double] = [:]
        for (linear, rows) in task.block[name].rows(of: task.block[name].weight) where task.goals[linear] != nil {
            rates[linear] = share * rows.magnitude().mean().scalar
        }
        return rates
    }

    /// The best state on the sequences kept out, with the largest step size that brings one.
    func outcome() throws(Fault) -> BlockOutcome {
        let target = try Target(task)
        let before = try keptOutError(task.asWritten(start.block), target)
        var result = start
        var rate = options.learningRate
        for retreat in 0...options.retreats {
            let attempt = try optimise(rate, retreat: retreat, target: target, before: before)
            result.losses = attempt.losses
            guard let best = attempt.best else {
                rate /= 4
                continue
            }
            for (name, weight) in best { result.block[name] = task.block[name].with(weight: weight) }
            if retreat > 0 { result.loweredRate = rate }
            return result
        }
        result.restored = true
        return result
    }

    /// What is trained, at the start, and the block that trains with it.
    private func begin(_ rate: Double) -> (trained: [Trained], leaves: Block) {
        var trained: [Trained] = []
        let trainingType = task.compute.forGradients
        var leaves = task.block.to(trainingType)
        for name in task.block.projections {
            guard let mask = start.masks[name] else { continue }
            let weight = start.block[name].weight.clone()
            let working = weight.to(trainingType).clone()
            working.requireGradient()
            leaves[name] = task.block[name].with(weight: working)
            trained.append(
                Trained(
                    name: name, weight: weight, mask: mask, working: working,
                    first: Tensor.zeros(weight.shape, device: task.device),
                    second: Tensor.zeros(weight.shape, device: task.device),
                    rates: rates(name, rate)))
        }
        return (trained, leaves)
    }

    /// - Parameters:
    ///   - retreat: how often it has begun before. All but the last one end after a first pass without a better state.
    ///   - before: the start's error on the sequences kept out.
    /// - Returns: the weights of the best state at the end of a pass, nil where none is better than the start; and the
    ///   mean loss of every pass.
    private func optimise(
        _ rate: Double, retreat: Int, target: Target, before: Double
    ) throws(Fault) -> (best: [ProjectionName: Tensor]?, losses: [Double]) {
        let (trained, leaves) = begin(rate)
        let size = min(options.stepSamples, optimised.count)
        let steps = max(1, options.passes * optimised.count / size)
        let perEpoch = max(1, optimised.count / size)
        var generator = SplitMix64(seed: task.seed ^ (UInt64(task.layer) &* 0x9E37_79B9_7F4A_7C15))
        var queue: [Int] = []
        var losses: [Double] = []
        var (best, least): ([ProjectionName: Tensor]?, Double) = (nil, before)
        var sum = 0.0
        for step in 1...steps {
            if queue.count < size { queue += generator.permutation(optimised.count).map { optimised[$0] } }
            let samples = Array(queue.prefix(size))
            queue.removeFirst(size)
            let x = try task.input.read(samples).to(task.device)
            let (goal, weight) = try target.read(samples)
            let output = Engine.withGradient(true) { leaves(x, rotary: task.rotary) }
            Engine.withoutGradient {
                let error = output.detached() - goal
                let weighted = error * weight
                sum += (weighted * error).sum().scalar / Double(error.count)
                output.backward(gradient: weighted)
                let pace = schedule(step: step, of: steps)
                for part in trained { move(part, step: step, pace: pace) }
            }
            if step % perEpoch == 0 || step == steps {
                losses.append(sum / Double(step % perEpoch == 0 ? perEpoch : step % perEpoch))
                sum = 0
                var block = start.block
                for part in trained {
                    block[part.name] = task.block[part.name].with(weight: part.weight * part.mask)
                }
                let error = try keptOutError(task.asWritten(block), target)
                // A not-a-number is below nothing.
                if error < least {
                    least = error
                    best = Dictionary(uniqueKeysWithValues: trained.map { ($0.name, block[$0.name].weight) })
                } else if best == nil, retreat < options.retreats {
                    break
                }
            }
            // A pass that is made again is no progress.
            if retreat == 0 || step > perEpoch { task.progress(Double(step) / Double(steps)) }
        }
        return (best, losses)
    }

    /// An Adam step on each linear of a projection.
    private func move(_ part: Trained, step: Int, pace: Double) {
        let gradient = part.working.takeGradient()
        let projection = task.block[part.name]
        func rows(_ tensor: Tensor) -> [Tensor] { projection.rows(of: tensor).map(\.rows) }
        let (gradients, weights, masks) = (rows(gradient), rows(part.weight), rows(part.mask))
        let (firsts, seconds, workings) = (rows(part.first), rows(part.second), rows(part.working))
        for (index, linear) in part.name.linears.enumerated() {
            guard let rate = part.rates[linear] else { continue }
            weights[index].adamStep(
                gradient: gradients[index], first: firsts[index], second: seconds[index], mask: masks[index],
                working: workings[index], rate: rate * pace, beta1: options.beta1, beta2: options.beta2,
                epsilon: 1e-12, step: step)
        }
    }

    /// Linear warm-up, then half a cosine to zero.
    private func schedule(step: Int, of steps: Int) -> Double {
        let rise = min(1, Double(step) / max(1, options.warmup * Double(steps)))
        return rise * 0.5 * (1 + cos(Double.pi * Double(step - 1) / Double(steps)))
    }

    /// The loss of the sequences kept out.
    private func keptOutError(_ block: Block, _ target: Target) throws(Fault) -> Double {
        let working = block.to(task.compute)
        var sum = 0.0
        for samples in task.batches(of: kept) {
            let (goal, weight) = try target.read(samples)
            let error = try task.forward(working, samples: samples) - goal
            sum += (error * error * weight).sum().scalar / Double(error.count) * Double(samples.count)
        }
        return sum / Double(max(1, kept.count))
    }
}

/// What a block's output should be, with the weight of every squared error.
private struct Target {
    private let task: BlockTask
    private let stream: HiddenStream
    /// [hidden], mean 1: channels that vary little over the tokens count more, so that a channel with massive
    /// activations, which the next norm scales down again, does not take the loss for itself.
    private let channels: Tensor

    init(_ task: BlockTask) throws(Fault) {
        self.task = task
        stream = try task.requireDenseOutput()
        channels = try Target.channels(stream, task)
    }

    /// 1 / (σ_c + 0.1 · mean σ), scaled to mean 1; σ_c is the standard deviation over tokens of t_c / rms(t).
    private static func channels(_ stream: HiddenStream, _ task: BlockTask) throws(Fault) -> Tensor {
        let sum = Tensor.zeros([stream.hidden], device: task.device)
        let squares = Tensor.zeros([stream.hidden], device: task.device)
        for range in stream.batches(of: task.batch) {
            let goal = try stream.read(range).to(task.device).reshaped([-1, stream.hidden])
            let normal = goal / ((goal * goal).mean(1, keep: true) + 1e-12).squareRoot()
            sum.add(normal.sum(0))
            squares.add((normal * normal).sum(0))
        }
        let count = Double(max(1, stream.samples * stream.tokens))
        let mean = sum * (1 / count)
        let variance = squares * (1 / count) - mean * mean
        let deviation = (variance.magnitude() + 1e-12).squareRoot()
        let weight = Tensor.full([1], 1, device: task.device) / (deviation + 0.1 * deviation.mean().scalar)
        return weight * (1 / weight.mean().scalar)
    }

    /// The goal [count, tokens, hidden], and what each of its squared errors weighs: the channel's weight over the
    /// token's mean square.
    func read(_ samples: [Int]) throws(Fault) -> (goal: Tensor, weight: Tensor) {
        let goal = try stream.read(contiguous: samples).to(task.device)
        let meanSquare = (goal * goal).mean(2, keep: true) + 1e-12
        return (goal, channels / meanSquare)
    }
}
