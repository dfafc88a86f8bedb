import Checkpoints
import Crypto
import Decoders
import Faults
import Pruning
import Runs
import Structure
import Torch

/// The machine's speed at a run's own operations, from seconds of work on one block and random hidden states.
///
/// What is measured on a block that is narrower than the model's counts as often as the work has more operations there.
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
    /// Seconds for one byte that is hashed, and for one floating-point operation of a matrix product.
    var hash = 0.0
    var product = 0.0

    /// Longer sequences are measured shorter and scaled: work on one operation ends within about a second.
    private static let flopsAtOnce = 15e9
    private static let tokensAtLeast = 64
    /// Gram matrices and factors of wider inputs are measured narrower and scaled by the cube.
    private static let widthAtOnce = 1024
    /// Weights of a block whose eliminations are measured instead of a larger one's, and neurons of it that go.
    private static let eliminatedAtOnce = 1 << 22
    private static let columnsAtOnce = 128

    let specimen: PlanSpecimen
    private let subject: PlanSubject
    private let block: Block
    private let work: PlanWork

    /// - Throws: `Fault` when weights are there and cannot be read.
    init(_ subject: PlanSubject, work: PlanWork, weightsAtMost: Int) throws(Fault) {
        self.subject = subject
        self.work = work
        specimen = try PlanSpecimen(subject, weightsAtMost: weightsAtMost)
        block = specimen.block
        load = specimen.load
        measureWeights()
        if subject.samples > 0 { try measureSequences() }
        scale()
    }

    /// From the specimen to the model's block; a quotient is one where they are the same.
    private mutating func scale() {
        let model = BlockOperations(subject.configuration, layer: subject.measuredLayer, tokens: subject.tokens)
        let measured = BlockOperations(specimen.configuration, layer: specimen.layer, tokens: subject.tokens)
        func quotient(_ work: (BlockOperations) -> Double) -> Double { work(model) / max(1, work(measured)) }
        forward *= quotient(\.forward)
        statistics *= quotient(\.statistics)
        gram *= quotient { $0.statistics + $0.grams }
        training *= quotient(\.training)
        solve *= quotient(\.solve)
        alternation *= quotient(\.alternation)
        let weights = Double(subject.blockWeights) / Double(max(1, blockWeights))
        update *= weights
        mask *= weights
        accumulation *= weights
        cast *= weights
        load *= weights
        inspect *= weights
    }

    private var blockWeights: Int { specimen.configuration.weightCount(layer: specimen.layer) }

    /// Time of one call, the shortest of several after one that warms up; a slow call is not repeated often.
    private func time<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) -> Double {
        _ = try WorkClock.seconds(body)
        var shortest = Double.infinity
        var total = 0.0
        var count = 0
        repeat {
            let seconds = try WorkClock.seconds(body)
            shortest = min(shortest, seconds)
            total += seconds
            count += 1
        } while count < 2 || (total < 0.3 && count < 50)
        return shortest
    }

    // MARK: Work on weights

    private mutating func measureWeights() {
        let goal = subject.settings.goal
        let group = subject.action.group
        let block = block
        if work.block.masks > 0 {
            mask = time {
                for name in block.projections {
                    let columns = grouped(block[name].inputWidth)
                    for (_, rows) in block[name].rows(of: Scores.magnitude(block[name].weight)) where columns > 0 {
                        _ = goal.mask(scores: rows.narrowed(1, 0, columns).contiguous(), group: group)
                    }
                }
            }
        }
        cast = time { _ = subject.files.asWritten(block) }
        inspect = time {
            for linear in block.linears {
                let weight = block.weight(linear)
                _ = weight.allFinite()
                _ = weight.isEqual(to: 0).sum().scalar
            }
        }
        if work.block.updates > 0 || work.block.accumulations > 0 { measureUpdates() }
        if work.block.solves + work.block.alternations > 0 { measureSolvers(goal) }
        if work.eliminations > 0 {
            if specimen.isNarrower { measureFirstEliminations() } else { measureEliminations() }
        }
        if !work.steps.isEmpty {
            let weight = block.gateUp.weight
            let side = min(weight.size(0), weight.size(1), PlanMeasurement.widthAtOnce)
            let square = weight.narrowed(0, 0, side).narrowed(1, 0, side).contiguous()
            product = time { _ = square.matmul(square).sum().scalar } / Double(max(1, 2 * side * side * side))
        }
        let bytes = [UInt8](repeating: 1, count: 8 << 20)
        hash = time { _ = SHA256.hash(data: bytes) } / Double(bytes.count)
    }

    /// Columns that whole groups of the pattern fill: a narrower linear, or one that is left alone, may have others.
    private func grouped(_ columns: Int) -> Int {
        guard case .keep(_, let group) = subject.settings.pattern.zeros else { return columns }
        return columns / group * group
    }

    private mutating func measureUpdates() {
        let weight = block.gateUp.weight.clone()
        let gradient = weight.to(subject.compute.forGradients).clone()
        let working = gradient.clone()
        let (first, second) = (
            Tensor.zeros(weight.shape, device: weight.device), Tensor.zeros(weight.shape, device: weight.device)
        )
        let keep = Tensor.full(weight.shape, 1, .bool, device: weight.device)
        let share = Double(blockWeights) / Double(max(1, weight.count))
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
        for name in block.projections {
            let shape = (rows: block[name].weight.size(0), columns: block[name].weight.size(1))
            let width = grouped(min(shape.columns, PlanMeasurement.widthAtOnce))
            guard width > 0 else { continue }
            let rows = min(shape.rows, PlanMeasurement.widthAtOnce)
            let weight = block[name].weight.narrowed(0, 0, rows).narrowed(1, 0, width).contiguous()
            let gram = Tensor.zeros([width, width], device: weight.device)
            gram.addGram(weight)
            gram.diagonal().add(Tensor.full([width], 1, device: weight.device))
            let wider = Double(shape.columns) / Double(width)
            let taller = Double(shape.rows) / Double(rows)
            if work.block.alternations > 0 {
                let moments = AlternatingDirections.Moments(gram: gram)
                let inverting = WorkClock()
                _ = AlternatingDirections.shiftedInverse(moments)
                let inverses = inverting.elapsed * Double(AlternatingDirections.inversions)
                let solving = WorkClock()
                _ = AlternatingDirections.solve(weight, moments: moments, goal: goal)
                alternation += inverses * wider * wider * wider * Double(name.linears.count)
                // What is left are products of the weight with matrices as wide as it.
                alternation += max(0, solving.elapsed - inverses) * taller * wider * wider
                continue
            }
            let factoring = WorkClock()
            guard let factor = SparseGPT.factor(gram: gram, samples: 1) else { continue }
            let factored = factoring.elapsed
            let solving = WorkClock()
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
        let down = block.down.weight.narrowed(1, 0, width).contiguous()
        let levels = Levels.widths(
            of: width, sparsities: Levels.sparsities(interval: 1.0 / 16, count: nil, around: 0), granularity: 1)
        let hidden = subject.configuration.hiddenSize
        let wider =
            BlockOperations.elimination(hidden: hidden, width: shape.intermediateSize)
            / BlockOperations.elimination(hidden: hidden, width: max(1, width))
        let neurons = WorkClock()
        if let hessian = hessian(down) { _ = SubLayerSolver.neurons(down: down, hessian: hessian, widths: levels) }
        elimination = neurons.elapsed * wider
        let heads = WorkClock()
        if let hessian = hessian(block.o.weight) {
            _ = SubLayerSolver.heads(
                o: block.o.weight, hessian: hessian, shape: shape, headDimension: subject.configuration.headDimension)
        }
        elimination += heads.elapsed
    }

    /// Of a very large model: column by column all would take minutes, so it is the first neurons and few heads.
    private mutating func measureFirstEliminations() {
        let model = subject.configuration
        let shape = model.layers[subject.measuredLayer]
        let part = specimen.configuration.narrowed(
            layer: specimen.layer, weightsAtMost: PlanMeasurement.eliminatedAtOnce)
        let (hidden, few) = (part.hiddenSize, part.layers[0])
        func corner(_ weight: Tensor, _ width: Int) -> Tensor {
            weight.narrowed(0, 0, hidden).narrowed(1, 0, width).contiguous()
        }
        let (width, columns) = (few.intermediateSize, min(few.intermediateSize, PlanMeasurement.columnsAtOnce))
        let down = corner(block.down.weight, width)
        let factoring = WorkClock()
        let moments = hessian(down)
        let wider = Double(shape.intermediateSize) / Double(max(1, width))
        elimination = factoring.elapsed * wider * wider * wider
        let neurons = WorkClock()
        if let moments { _ = SubLayerSolver.neurons(down: down, hessian: moments, widths: [width - columns]) }
        elimination +=
            neurons.elapsed * BlockOperations.elimination(hidden: model.hiddenSize, width: shape.intermediateSize)
            / max(1, BlockOperations.elimination(hidden: hidden, width: width, columns: columns))

        let o = corner(block.o.weight, few.headCount * part.headDimension)
        let heads = WorkClock()
        if let moments = hessian(o) {
            _ = SubLayerSolver.heads(o: o, hessian: moments, shape: few, headDimension: part.headDimension)
        }
        // Key-value heads go from all to none for every number of query heads in a group: the sum of the squares of 1/n
        // to n/n is about n/3.
        func passes(_ shape: LayerShape) -> Double {
            max(1, Double(shape.headCount) / Double(3 * max(1, shape.keyValueHeadCount)))
        }
        func operations(_ hidden: Int, _ shape: LayerShape) -> Double {
            passes(shape)
                * BlockOperations.elimination(hidden: hidden, width: shape.headCount * model.headDimension)
        }
        elimination += heads.elapsed * operations(model.hiddenSize, shape) / max(1, operations(hidden, few))
    }

    private func hessian(_ weight: Tensor) -> DampedHessian? {
        let gram = Tensor.zeros([weight.size(1), weight.size(1)], device: weight.device)
        gram.addGram(weight)
        return DampedHessian(gram: gram)
    }

    /// The output matrix for the scored positions of a sequence.
    private mutating func measureComparison() throws(Fault) {
        let head = try specimen.head(dtype: subject.compute)
        let rows = max(1, min(256, subject.tokens / SearchModel.scoredEvery))
        let hidden = random([rows, subject.configuration.hiddenSize])
        let vocabulary = Double(subject.configuration.vocabularySize) / Double(max(1, head.weight.size(0)))
        let scale = vocabulary * Double(subject.tokens) / Double(SearchModel.scoredEvery * rows)
        let matrix = head.matrix
        let dense = OutputMatrix.Dense.logits(try matrix.logits(hidden))
        let targets = [Int64](repeating: 0, count: rows)
        comparison =
            scale * (try time { () throws(Fault) in _ = try matrix.scores(hidden, against: dense, targets: targets) })
    }

    // MARK: Work on sequences

    /// Floating-point operations of one sequence's forward pass.
    private func operations(_ tokens: Int) -> Double {
        let t = Double(tokens)
        return 2 * Double(blockWeights) * t
            + 2 * Double(specimen.configuration.shape(of: .q, layer: specimen.layer).out) * t * t
    }

    private mutating func measureSequences() throws(Fault) {
        var length = subject.tokens
        while length > PlanMeasurement.tokensAtLeast, operations(length) > PlanMeasurement.flopsAtOnce { length /= 2 }
        let scale = operations(subject.tokens) / operations(length)
        let count = max(1, min(subject.samples, min(subject.batch, BatchSize.processor / length)))
        let working = block.to(subject.compute)
        let rotary = subject.decoder.rotary(positions: length)
        let device = subject.decoder.device
        let x = random([count, length, specimen.configuration.hiddenSize])
        let each = scale / Double(count)
        forward = each * time { Engine.withoutGradient { _ = working(x, rotary: rotary).norm().scalar } }
        func gathering(gram: Bool) -> Double {
            let statistics = InputStatistics(block: block, gram: gram, device: device)
            return time {
                Engine.withoutGradient { working.observe(x, rotary: rotary) { statistics.add($0, $1) } }
            }
        }
        if work.compared > 0 { try measureComparison() }
        if work.block.statistics > 0 { statistics = each * gathering(gram: false) }
        if work.block.grams > 0 { gram = each * gathering(gram: true) }
        if work.block.trainings > 0 {
            let together = max(1, min(work.block.step, count))
            let part = x.narrowed(0, 0, together)
            var leaves = block.to(subject.compute.forGradients)
            for name in leaves.projections {
                let weight = leaves[name].weight.clone()
                weight.requireGradient()
                leaves[name] = leaves[name].with(weight: weight)
            }
            training =
                scale / Double(together)
                * time {
                    let output = Engine.withGradient(true) { leaves(part, rotary: rotary) }
                    Engine.withoutGradient { output.backward(gradient: part) }
                    for name in leaves.projections { _ = leaves[name].weight.takeGradient() }
                }
        }
    }

    private func random(_ shape: [Int]) -> Tensor { Tensor.unordered(shape).to(subject.decoder.device) }
}
