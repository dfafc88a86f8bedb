import Checkpoints
import Crypto
import Decoders
import Faults
import Pruning
import Recipes
import Structure
import Torch

/// The machine's speed at a run's own operations, from seconds of work on one block and random hidden states.
struct PlanMeasurement {
    /// Seconds for one sequence of the run's length.
    var forward = 0.0
    var statistics = 0.0
    var gram = 0.0
    var training = 0.0
    /// Logits of a sequence's scored positions and their log-probabilities.
    var comparison = 0.0
    /// Seconds for all weights of a block.
    var update = 0.0
    var mask = 0.0
    var accumulation = 0.0
    var solve = 0.0
    var alternation = 0.0
    var elimination = 0.0
    var cast = 0.0
    /// Reading a block, and counting its zeros.
    var load = 0.0
    var inspect = 0.0
    /// Seconds for one byte that is hashed.
    var hash = 0.0

    /// Longer sequences are measured shorter and scaled: work on one operation ends within about a second.
    private static let flopsAtOnce = 15e9
    private static let tokensAtLeast = 64
    /// Gram matrices and factors of wider inputs are measured narrower and scaled by the cube.
    private static let widthAtOnce = 1024

    private let subject: PlanSubject
    private let block: Block
    private let work: PlanWork

    init(_ subject: PlanSubject, work: PlanWork) throws(Fault) {
        self.subject = subject
        self.work = work
        let start = PlanClock()
        block = try subject.decoder.block(subject.measuredLayer)
        load = start.elapsed
        measureWeights()
        if subject.samples > 0 { try measureSequences() }
    }

    /// Time of one call, the shortest of several after one that warms up; a slow call is not repeated often.
    private func time(_ body: () -> Void) -> Double {
        _ = PlanClock.seconds(body)
        var shortest = Double.infinity
        var total = 0.0
        var count = 0
        repeat {
            let seconds = PlanClock.seconds(body)
            shortest = min(shortest, seconds)
            total += seconds
            count += 1
        } while count < 2 || (total < 0.3 && count < 50)
        return shortest
    }

    // MARK: Work on weights

    private mutating func measureWeights() {
        let goal = Goal(pattern: subject.settings.pattern, sparsity: subject.settings.sparsity)
        let group: ComparisonGroup = subject.settings.method == .magnitude ? .matrix : .row
        let block = block
        if work.masks > 0 {
            mask = time {
                for name in ProjectionName.allCases {
                    for (_, rows) in block[name].rows(of: Scores.magnitude(block[name].weight)) {
                        _ = goal.mask(scores: rows.contiguous(), group: group)
                    }
                }
            }
        }
        cast = time { _ = subject.files.asWritten(block) }
        inspect = time {
            for linear in LinearName.allCases {
                let weight = block.weight(linear)
                _ = weight.allFinite()
                _ = weight.isEqual(to: 0).sum().scalar
            }
        }
        if work.updates > 0 || work.accumulations > 0 { measureUpdates() }
        if work.solves + work.alternations > 0 { measureSolvers(goal) }
        if work.eliminations > 0 { measureEliminations() }
        let bytes = [UInt8](repeating: 1, count: 8 << 20)
        hash = time { _ = SHA256.hash(data: bytes) } / Double(bytes.count)
    }

    private mutating func measureUpdates() {
        let weight = block.gateUp.weight.clone()
        let gradient = weight.to(subject.compute).clone()
        let working = gradient.clone()
        let (first, second) = (Tensor.zeros(weight.shape), Tensor.zeros(weight.shape))
        let keep = Tensor.full(weight.shape, 1, .bool)
        let share = Double(subject.blockWeights) / Double(max(1, weight.count))
        update =
            share
            * time {
                weight.adamStep(
                    gradient: gradient, first: first, second: second, mask: keep, working: working, rate: 0,
                    beta1: 0.9, beta2: 0.95, epsilon: 1e-12, step: 1)
            }
        accumulation = share * time { second.addProduct(gradient.to(.float32), gradient.to(.float32), scale: 0) }
    }

    private mutating func measureSolvers(_ goal: Goal) {
        for name in ProjectionName.allCases {
            let shape = subject.shape(name)
            let width = min(shape.columns, PlanMeasurement.widthAtOnce)
            let rows = min(shape.rows, PlanMeasurement.widthAtOnce)
            let weight = block[name].weight.narrowed(0, 0, rows).narrowed(1, 0, width).contiguous()
            let gram = Tensor.zeros([width, width])
            gram.addGram(weight)
            gram.diagonal().add(Tensor.full([width], 1))
            let wider = Double(shape.columns) / Double(width)
            let taller = Double(shape.rows) / Double(rows)
            if work.alternations > 0 {
                let moments = AlternatingDirections.Moments(gram: gram)
                let inverting = PlanClock()
                _ = AlternatingDirections.shiftedInverse(moments)
                let inverses = inverting.elapsed * Double(AlternatingDirections.inversions)
                let solving = PlanClock()
                _ = AlternatingDirections.solve(weight, moments: moments, goal: goal)
                alternation += inverses * wider * wider * wider * Double(name.linears.count)
                // What is left are products of the weight with matrices as wide as it.
                alternation += max(0, solving.elapsed - inverses) * taller * wider * wider
                continue
            }
            let factoring = PlanClock()
            guard let factor = SparseGPT.factor(gram: gram, samples: 1) else { continue }
            let factored = factoring.elapsed
            let solving = PlanClock()
            _ = SparseGPT.solve(weight, factor: factor, goal: goal)
            let solved = solving.elapsed
            solve += factored * wider * wider * wider
            // Rows cost alike; columns within a block cost alike, and what follows a block grows with the width.
            solve += solved * taller * wider * (wider + 1) / 2
        }
    }

    private mutating func measureEliminations() {
        let shape = subject.configuration.layers[subject.measuredLayer]
        let width = min(shape.intermediateSize, PlanMeasurement.widthAtOnce)
        func hessian(_ weight: Tensor) -> DampedHessian? {
            let gram = Tensor.zeros([weight.size(1), weight.size(1)])
            gram.addGram(weight)
            return DampedHessian(gram: gram)
        }
        let down = block.down.weight.narrowed(1, 0, width).contiguous()
        let levels = Levels.widths(
            of: width, sparsities: Levels.sparsities(interval: 1.0 / 16, count: nil, around: 0), granularity: 1)
        let wider = Double(shape.intermediateSize) / Double(max(1, width))
        let neurons = PlanClock()
        if let hessian = hessian(down) { _ = SubLayerSolver.neurons(down: down, hessian: hessian, widths: levels) }
        elimination = neurons.elapsed * wider * wider * wider
        let heads = PlanClock()
        if let hessian = hessian(block.o.weight) {
            _ = SubLayerSolver.heads(
                o: block.o.weight, hessian: hessian, shape: shape, headDimension: subject.configuration.headDimension)
        }
        elimination += heads.elapsed
    }

    /// The output matrix for the scored positions of a sequence.
    private mutating func measureComparison() throws(Fault) {
        let head = try subject.decoder.head(dtype: subject.compute)
        let rows = max(1, min(256, subject.tokens / SearchModel.scoredEvery))
        let hidden = random([rows, subject.configuration.hiddenSize])
        let scale = Double(subject.tokens) / Double(SearchModel.scoredEvery * rows)
        comparison = scale * time { Engine.withoutGradient { _ = head(hidden).logSoftmax(1).sum().scalar } }
    }

    // MARK: Work on sequences

    /// Floating-point operations of one sequence's forward pass.
    private func operations(_ tokens: Int) -> Double {
        let t = Double(tokens)
        return 2 * Double(subject.blockWeights) * t + 2 * Double(subject.shape(.q).out) * t * t
    }

    private mutating func measureSequences() throws(Fault) {
        var length = subject.tokens
        while length > PlanMeasurement.tokensAtLeast, operations(length) > PlanMeasurement.flopsAtOnce { length /= 2 }
        let scale = operations(subject.tokens) / operations(length)
        let count = max(1, min(subject.samples, min(subject.batch, RunContext.batchTokens / length)))
        let working = block.to(subject.compute)
        let rotary = subject.decoder.rotary(positions: length)
        let device = subject.decoder.device
        let x = random([count, length, subject.configuration.hiddenSize])
        let each = scale / Double(count)
        forward = each * time { Engine.withoutGradient { _ = working(x, rotary: rotary).norm().scalar } }
        func gathering(gram: Bool) -> Double {
            let statistics = InputStatistics(block: block, gram: gram, device: device)
            return time {
                Engine.withoutGradient {
                    let attended = working.attend(x, rotary: rotary) { statistics.add($0, $1) }
                    statistics.add(.down, working.expand(attended) { statistics.add($0, $1) })
                }
            }
        }
        if work.compared > 0 { try measureComparison() }
        if work.statistics > 0 { statistics = each * gathering(gram: false) }
        if work.grams > 0 { gram = each * gathering(gram: true) }
        if work.trainings > 0 {
            let together = max(1, min(work.step, count))
            let part = x.narrowed(0, 0, together)
            var leaves = working
            for name in ProjectionName.allCases {
                let weight = working[name].weight.clone()
                weight.requireGradient()
                leaves[name] = working[name].with(weight: weight)
            }
            training =
                scale / Double(together)
                * time {
                    let output = Engine.withGradient(true) { leaves(part, rotary: rotary) }
                    Engine.withoutGradient { output.backward(gradient: part) }
                    for name in ProjectionName.allCases { _ = leaves[name].weight.takeGradient() }
                }
        }
    }

    /// Numbers without order between -0.5 and 0.5.
    private func random(_ shape: [Int]) -> Tensor {
        let values = (0..<UInt32(shape.reduce(1, *))).map { Float(($0 &* 2_654_435_761) >> 8) * 0x1p-24 - 0.5 }
        return Tensor(values, shape: shape, device: subject.decoder.device)
    }
}
