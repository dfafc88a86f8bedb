import Decoders
import Faults
import Recipes
import Torch

/// Trains a student's blocks on batches of samples, with a teacher's predictions or without.
public final class Trainer {
    public struct Options: Equatable, Sendable {
        public var loss: RecoveryLoss
        public var trained: TrainedPart
        public var optimizer: AdamW
        public var lowRank = LowRankOptions()
        /// Of what is drawn: adapters' beginnings.
        public var seed: UInt64 = 0
        /// Samples that go through the blocks together; a step's batch is made of such passes.
        public var passSamples: Int
        /// Blocks of which a pass keeps only the input.
        public var repeatedBlocks: Int

        public init(
            loss: RecoveryLoss, trained: TrainedPart = .all, optimizer: AdamW = AdamW(), passSamples: Int,
            repeatedBlocks: Int
        ) {
            (self.loss, self.trained, self.optimizer) = (loss, trained, optimizer)
            (self.passSamples, self.repeatedBlocks) = (max(1, passSamples), repeatedBlocks)
        }
    }

    /// What a step did.
    public struct Step: Equatable, Sendable {
        /// Means over the positions that count, before the step, in nats.
        public var loss: RecoveryLoss
        /// Of the gradient, before clipping.
        public var gradientNorm: Double
        /// Positions that count.
        public var positions: Int

        public init(loss: RecoveryLoss, gradientNorm: Double, positions: Int) {
            (self.loss, self.gradientNorm, self.positions) = (loss, gradientNorm, positions)
        }
    }

    public let options: Options
    private let student: Decoder
    private let teacher: Passage?
    private let head: DistillationHead
    let blocks: any StudentBlocks

    /// - Parameters:
    ///   - student: its blocks are read, and stay.
    ///   - teacher: blocks in `compute`; nil for a loss without one.
    ///   - compute: number type of the matrix products.
    ///   - offload: a folder for the masters, moments and gradients of all weights; nil keeps them in memory.
    /// - Throws: `inputOutput` when weights cannot be read or the folder does not take the state.
    public init(
        _ student: Decoder, teacher: Passage?, compute: DType, options: Options, offload: String? = nil
    ) throws(Fault) {
        self.student = student
        self.teacher = options.loss.needsTeacher ? teacher : nil
        self.options = options
        let compute = compute.forGradients
        head = DistillationHead(
            student: try student.head(dtype: compute), teacher: try self.teacher?.source.decoder.head(dtype: compute))
        let layers = student.configuration.layerCount
        if let offload, options.trained == .all {
            blocks = try StoredBlocks(layers: layers, dtype: compute, device: student.device, folder: offload) {
                (layer) throws(Fault) in try student.block(layer)
            }
            return
        }
        var resident: [TrainedBlock] = []
        for layer in 0..<layers {
            resident.append(
                TrainedBlock(
                    try student.block(layer), dtype: compute, trained: options.trained, lowRank: options.lowRank,
                    seed: options.seed))
        }
        blocks = ResidentBlocks(resident)
    }

    /// Parameters that are trained.
    public var trainedCount: Int { blocks.trainedCount }

    /// One step of the optimizer.
    ///
    /// - Parameters:
    ///   - batch: samples of equal length. Where no position of them counts, nothing is changed.
    ///   - rate: step size.
    ///   - step: 1-based.
    /// - Throws: `inputOutput` when the teacher's weights cannot be read; `badData` when loss or gradient is no number:
    ///   nothing was changed then.
    public func step(_ batch: [TrainingSample], rate: Double, step: Int) throws(Fault) -> Step {
        let positions = batch.reduce(0) { $0 + $1.positions }
        guard positions > 0 else { return Step(loss: RecoveryLoss(kl: 0, lm: 0), gradientNorm: 0, positions: 0) }
        let passes = stride(from: 0, to: batch.count, by: options.passSamples).map {
            Array(batch[$0..<min($0 + options.passSamples, batch.count)])
        }
        var sum = RecoveryLoss(kl: 0, lm: 0)
        for (number, samples) in passes.enumerated() {
            let measured = try pass(samples, scale: 1 / Double(positions), number, of: passes.count)
            sum.kl += measured.kl
            sum.lm += measured.lm
        }
        let loss = RecoveryLoss(kl: sum.kl / Double(positions), lm: sum.lm / Double(positions))
        let value = options.loss.value(loss)
        let norm = value.isFinite ? try blocks.step(options.optimizer, rate: rate, step: step) : .nan
        guard norm.isFinite else {
            throw Fault(
                .badData, "the loss or its gradient is not a number", place: "step \(step)",
                found: "loss \(value), norm of the gradient \(norm)",
                advice: "use a lower learning rate, or float32")
        }
        return Step(loss: loss, gradientNorm: norm, positions: positions)
    }

    /// Does what a step does, and leaves everything as it was. For clocks.
    ///
    /// - Returns: seconds that a step takes.
    @discardableResult
    public func rehearse(_ batch: [TrainingSample]) throws(Fault) -> Double {
        let clock = ContinuousClock.now
        let starts = Array(stride(from: 0, to: batch.count, by: options.passSamples))
        for (number, start) in starts.enumerated() {
            let samples = Array(batch[start..<min(start + options.passSamples, batch.count)])
            _ = try pass(samples, scale: 1, number, of: starts.count)
        }
        let passes = clock.duration(to: .now) / .seconds(1)
        return passes + (try blocks.rehearse(options.optimizer))
    }

    /// The mean loss on samples that are not trained on, over the positions that count.
    ///
    /// - Throws: `badData` where none does; `inputOutput` when the teacher's weights cannot be read.
    public func loss(of samples: [TrainingSample]) throws(Fault) -> RecoveryLoss {
        let positions = samples.reduce(0) { $0 + $1.positions }
        guard positions > 0 else {
            throw Fault(
                .badData, "no position of the samples counts", found: "\(samples.count) samples",
                expected: "a token that counts after another one")
        }
        var sum = RecoveryLoss(kl: 0, lm: 0)
        for start in stride(from: 0, to: samples.count, by: options.passSamples) {
            let part = Array(samples[start..<min(start + options.passSamples, samples.count)])
            let measured = try pass(part, scale: nil)
            sum.kl += measured.kl
            sum.lm += measured.lm
        }
        return RecoveryLoss(kl: sum.kl / Double(positions), lm: sum.lm / Double(positions))
    }

    /// Sums of the losses of some samples, and their gradients in the leaves where a scale is given.
    private func pass(
        _ samples: [TrainingSample], scale: Double?, _ number: Int = 0, of passes: Int = 1
    ) throws(Fault) -> RecoveryLoss {
        let (count, tokens) = (samples.count, samples[0].tokens.count)
        let ids = samples.flatMap(\.tokens)
        let hidden = student.configuration.hiddenSize
        let dense = try teacher.map { (teacher) throws(Fault) in
            try states(of: teacher, ids, count).reshaped([-1, hidden])
        }
        let targets = samples.flatMap(\.targets)
        let x = try student.embedded(ids).reshaped([count, tokens, hidden])
        let pass = StudentPass(
            blocks: blocks, rotary: student.rotary(positions: tokens), repeated: options.repeatedBlocks)
        var sum = RecoveryLoss(kl: 0, lm: 0)
        func measured(_ states: Tensor) -> Tensor? {
            let found = head.measure(
                states.reshaped([-1, hidden]), dense: dense, targets: targets, weights: options.loss, scale: scale)
            sum = found.sum
            return found.gradient?.reshaped([count, tokens, hidden])
        }
        if scale == nil {
            _ = measured(try pass.forward(x))
        } else {
            try pass.train(x, pass: number, of: passes) { measured($0) ?? $0 }
        }
        return sum
    }

    /// What leaves the teacher's last block.
    private func states(of teacher: Passage, _ ids: [Int32], _ count: Int) throws(Fault) -> Tensor {
        let decoder = teacher.source.decoder
        let tokens = ids.count / count
        let x = try decoder.embedded(ids).reshaped([count, tokens, decoder.configuration.hiddenSize])
        let lane = BatchLane([x], [LanePositions(rotary: decoder.rotary(positions: tokens))])
        try teacher.forward { (step) throws(Fault) in try step.advance(lane) }
        return lane.states(0)
    }

    // MARK: What is kept and written

    public var layerCount: Int { blocks.layerCount }

    /// Everything that a run which goes on later needs of a layer, float32: masters and moments by name.
    public func state(of layer: Int) throws(Fault) -> [(name: String, values: Tensor)] { try blocks.state(of: layer) }

    /// Puts a layer back into an earlier state.
    ///
    /// - Parameters:
    ///   - onlyMasters: whether moments stay as they are.
    ///   - read: the values of a name, of the shape given.
    /// - Throws: what `read` throws.
    public func restore(
        layer: Int, onlyMasters: Bool = false, read: (_ name: String, _ shape: [Int]) throws(Fault) -> Tensor
    ) throws(Fault) {
        try blocks.restore(layer, onlyMasters: onlyMasters, read: read)
    }

    /// The tensors of a checkpoint that training has changed in a layer, float32.
    public func trainedTensors(of layer: Int) throws(Fault) -> [String: Tensor] { try blocks.block(layer).tensors }

    /// A weight with adapters in which zeros must stay, by its name in a checkpoint; nil where there is none.
    ///
    /// - Throws: what reading blocks throws.
    public func prunedWeight() throws(Fault) -> String? {
        for layer in 0..<layerCount {
            for adapter in try blocks.block(layer).adapters.values where adapter.isMasked {
                return adapter.linears[0].name.weightName(layer: layer)
            }
        }
        return nil
    }

    /// The adapters of a layer: A [r, in] and B [out, r] of every linear that has one, float32.
    ///
    /// - Throws: what reading blocks throws.
    public func adapters(of layer: Int) throws(Fault) -> [(linear: LinearName, a: Tensor, b: Tensor)] {
        let block = try blocks.block(layer)
        var list: [(linear: LinearName, a: Tensor, b: Tensor)] = []
        for name in block.working.projections {
            guard let adapter = block.adapters[name] else { continue }
            for index in adapter.linears.indices {
                let (a, b) = adapter.factors(index)
                list.append((adapter.linears[index].name, a, b))
            }
        }
        return list
    }
}
