import Decoders
import Faults
import Pruning
import Recipes
import Recovery
import Torch

/// What a recovery's settings make: the trainer, and how many steps it takes.
extension RecoverContext {
    private var layers: Int { decoder.configuration.layerCount }

    /// Some samples' tokens, and which of them count.
    func rows(_ samples: [Int]) -> [TrainingSample] {
        samples.map { row in TrainingSample(Array(tokens[row]), counted: counted.map { Array($0[row]) }) }
    }

    func makeTrainer() throws(Fault) -> Trainer {
        let compute = run.compute
        let blocks = decoder.expectedTensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
        let teacher = teacher.map {
            // The teacher's blocks stay as far as there is room beside the student's masters, moments and gradients; of
            // a student on the disk they are read again for every pass, too.
            let left = settings.offload == nil ? max(0, run.memoryLeft - blocks * 20) : 0
            return Passage(BlockSource($0, dtype: compute, residentBytes: left), compute: compute)
        }
        let length = tokens.columns
        let samples = max(1, (settings.batchTokens ?? BatchSize.processor) / length)
        var optimizer = AdamW()
        optimizer.decay = settings.weightDecay
        optimizer.clip = settings.clip > 0 ? settings.clip : nil
        var options = Trainer.Options(
            loss: RecoveryLoss(settings.loss), trained: settings.trained, optimizer: optimizer,
            passSamples: min(settings.batch, samples),
            repeatedBlocks: repeatedBlocks(samples: min(settings.batch, samples), tokens: length))
        options.seed = settings.seed
        if let lora = settings.lora {
            options.lowRank.rank = lora.rank
            options.lowRank.alpha = lora.alpha
            options.lowRank.targets = options.lowRank.targets.filter { linear in
                lora.targets.contains(linear.rawValue + "_proj")
            }
        }
        let trainer = try Trainer(
            decoder, teacher: teacher, compute: compute, options: options, offload: settings.offload)
        if let merge = settings.lora?.merge, merge != .masked, let name = try trainer.prunedWeight() {
            throw Fault(
                .usage,
                merge == .plain
                    ? "a plain merge would fill the zeros of the pruned weights"
                    : "adapters alone would fill the zeros of the pruned weights: PEFT adds them without a mask",
                file: decoder.checkpoint.path, place: "tensor '\(name)'", found: "--merge \(merge.text)",
                advice: "use --merge masked")
        }
        try adapters?.put(into: trainer, device: decoder.device)
        return trainer
    }

    /// Blocks that are passed again on the way back, because what their derivatives need does not fit.
    private func repeatedBlocks(samples: Int, tokens: Int) -> Int {
        switch settings.checkpointing {
        case .all: return layers
        case .none: return 0
        case .auto: break
        }
        let width = run.compute.byteCount
        let kept = PassMemory(decoder.configuration).training(samples: samples, tokens: tokens, width: width)
        // Masters, moments, leaves and gradients.
        let blocks = decoder.expectedTensors.reduce(0) { $0 + $1.shape.reduce(1, *) } * (16 + 2 * width)
        guard settings.offload == nil else { return layers }
        // The teacher's blocks are there, too.
        let other = teacher.map { $0.expectedTensors.reduce(0) { $0 + $1.shape.reduce(1, *) } * width } ?? 0
        let left = max(0, run.memoryLeft - blocks - other)
        return layers - min(layers, left / max(1, kept))
    }

    /// How many steps the run has.
    ///
    /// - Parameter secondsPerStep: asked for where minutes decide.
    func steps(secondsPerStep: () throws(Fault) -> Double) throws(Fault) -> Int {
        switch settings.length {
        case .steps(let count): return count
        case .epochs(let count):
            return max(1, Int((count * Double(training.count) / Double(settings.batch)).rounded()))
        case .minutes(let minutes): return max(1, Int(minutes * 60 * 0.98 / (try secondsPerStep())))
        }
    }

    /// Of a step that changes nothing; one before it warms up.
    func secondsPerStep(_ trainer: Trainer) throws(Fault) -> Double {
        let batch = rows(Array(training.prefix(settings.batch)))
        try trainer.rehearse(batch)
        return try trainer.rehearse(batch)
    }
}
