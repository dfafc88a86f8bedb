import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Publishing
import Recipes
import Records
import Recovery
import Torch

/// A recovery at work in its staging folder.
struct RecoverWork {
    private let context: RecoverContext
    private let staging: StagingFolder
    private let journal: Journal
    private let events: EventHandler

    init(_ context: RecoverContext, _ staging: StagingFolder, _ journal: Journal, _ events: @escaping EventHandler) {
        (self.context, self.staging, self.journal, self.events) = (context, staging, journal, events)
    }

    private var settings: RecoverSettings { context.settings }
    private var layers: Int { context.decoder.configuration.layerCount }

    // MARK: From journal to output

    /// - Parameter lines: the journal's after the first.
    func finish(_ lines: [JournalLine]) throws(Fault) -> RecoverResult {
        let clock = ContinuousClock.now
        var checks: [RecoverCheck] = []
        var steps: Int?
        var parts: [JournalLine] = []
        var adapters: FileDigest?
        for line in lines {
            switch line.kind {
            case "length": steps = try line.integer(line.object, "steps", in: 1...JournalLine.most)
            case RecoverCheck.kind: checks.append(try RecoverCheck(line, layers: layers))
            case "block", "shard": parts.append(line)
            case RecoverWork.adapterKind:
                try line.checkFile(named: PublishedFile.adapter)
                adapters = FileDigest.digests([.object(line.object)], kind: line.kind).first
            default: throw line.misplaced(expected: "a line of a recovery")
            }
        }
        var trainer: Trainer?
        if parts.isEmpty, adapters == nil {
            let made = try context.makeTrainer()
            trainer = made
            if checks.isEmpty {
                events(.note("checking \(context.heldOut.count) held-out sequences before training"))
                try add(check(made, step: 0, steps: [], seconds: 0, before: [], writes: false), to: &checks)
            } else if let last = checks.last(where: { !$0.files.isEmpty }) {
                try restore(made, from: last)
            }
            let length: Int
            if let steps {
                length = steps
            } else {
                length = try context.steps { () throws(Fault) in
                    events(.note("measuring how long a step takes"))
                    return try context.secondsPerStep(made)
                }
                try journal.append(.object(["kind": .string("length"), "steps": .integer(length)]))
            }
            steps = try train(made, &checks, of: length)
        }
        let result = try RecoverResult(context, checks: checks, steps: steps ?? 0)
        if settings.lora?.merge == AdapterMerge.none {
            if let adapters {
                try staging.check(adapters)
                try publishAdapters(result, adapters, checks)
            } else {
                let made = if let trainer { trainer } else { try context.makeTrainer() }
                try publishAdapters(result, try writeAdapters(made, checks), checks)
            }
        } else {
            try write(trainer, checks, Set(parts.map { $0.object["file"]?.stringValue ?? "" }))
            try publish(result, lines: Array(try Journal.read(journal.path).dropFirst()))
        }
        var timed = result
        timed.seconds = clock.duration(to: .now) / .seconds(1)
        timed.peakMemoryBytes = Machine.peakMemoryBytes
        timed.peakDeviceMemoryBytes = DeviceMemory.of(context.decoder.device)?.peak
        return timed
    }

    // MARK: Training

    /// - Parameter planned: steps in all.
    /// - Returns: the same, as the clock has corrected them.
    private func train(
        _ trainer: Trainer, _ checks: inout [RecoverCheck], of planned: Int
    ) throws(Fault) -> Int {
        var steps = planned
        let order = TrainingOrder(
            samples: context.training, batch: settings.batch,
            seed: settings.shuffles ? settings.seed : nil)
        let rate = LearningRate(highest: context.learningRate, warmup: settings.warmup, decay: settings.decay)
        let interval = settings.checkEvery ?? max(1, (steps + 9) / 10)
        var limit = Double.infinity
        if case .minutes(let minutes) = settings.length { limit = minutes * 60 }
        var spent = checks.reduce(0) { $0 + $1.seconds }
        var done = checks.last?.step ?? 0
        var taken: [Trainer.Step] = []
        var hasWarned = false
        var clock = ContinuousClock.now
        func seconds() -> Double { clock.duration(to: .now) / .seconds(1) }
        while done < steps, spent + seconds() < limit, !isStalled() {
            done += 1
            let result = try trainer.step(
                context.rows(order.batch(step: done)), rate: rate.rate(step: done, of: steps), step: done)
            taken.append(result)
            events(.progress(block: done, blocks: steps, fraction: Double(done) / Double(steps)))
            if done % interval == 0 || done == steps {
                let pace = seconds() / Double(taken.count)
                try addCheck()
                try adjust(pace)
            }
        }
        // Out of time between two checks.
        if !taken.isEmpty { try addCheck() }
        if isStalled(), done < steps {
            events(.note("no lower held-out loss in \(settings.patience) checks: training ends after step \(done)"))
        }
        return steps

        // Of the checks alone, so that a run which is continued stops where it would have.
        func isStalled() -> Bool {
            checks.count - 1 - (checks.lastIndex(where: \.isBest) ?? 0) >= settings.patience
        }

        // A run of so many minutes has as many steps as its own steps say: the learning rate is to fall to its end.
        func adjust(_ pace: Double) throws(Fault) {
            guard limit.isFinite, done < steps, spent < limit else { return }
            let total = done + max(1, Int((limit - spent) * 0.98 / pace))
            guard abs(total - steps) * 50 > steps else { return }
            steps = total
            try journal.append(.object(["kind": .string("length"), "steps": .integer(steps)]))
        }

        func addCheck() throws(Fault) {
            let passed = seconds()
            let found = try check(
                trainer, step: done, steps: taken, seconds: passed, before: checks, writes: true)
            try add(found, to: &checks)
            events(.note(RecoverWork.line(found, steps: steps, weights: RecoveryLoss(settings.loss))))
            if !hasWarned, let text = warning(of: found, after: checks[0]) {
                events(.warning(text))
                hasWarned = true
            }
            spent += passed
            taken = []
            clock = ContinuousClock.now
        }
    }

    /// Said while there is time to begin again: training that makes the model worse from the start.
    private func warning(of check: RecoverCheck, after start: RecoverCheck) -> String? {
        let weights = RecoveryLoss(settings.loss)
        let (before, now) = (weights.value(start.heldOut), weights.value(check.heldOut))
        guard now > 1.1 * before else { return nil }
        return "the held-out loss has risen from \(RecoverWork.fixed(before)) to \(RecoverWork.fixed(now)): "
            + "the learning rate \(context.learningRate) is probably too high for this model"
    }

    private static func line(_ check: RecoverCheck, steps: Int, weights: RecoveryLoss) -> String {
        let mean = check.steps.reduce(0) { $0 + weights.value($1.loss) } / Double(max(1, check.steps.count))
        return "step \(check.step)/\(steps): loss \(fixed(mean)), held out \(fixed(weights.value(check.heldOut)))"
            + (check.isBest ? "" : ", not better than before")
    }

    private static func fixed(_ value: Double) -> String {
        let scaled = (value * 1e4).rounded() / 1e4
        return "\(scaled)"
    }

    /// Looks at the held-out sequences and writes the state.
    private func check(
        _ trainer: Trainer, step: Int, steps: [Trainer.Step], seconds: Double, before: [RecoverCheck], writes: Bool
    ) throws(Fault) -> RecoverCheck {
        let heldOut = try trainer.loss(of: context.rows(context.heldOut))
        let weights = RecoveryLoss(settings.loss)
        guard weights.value(heldOut).isFinite else {
            throw Fault(
                .badData, "the loss on the held-out sequences is not a number", place: "step \(step)",
                advice: step == 0
                    ? "look for non-finite weights with `espalier inspect`, or use --dtype float32"
                    : "use a lower learning rate, or float32; the state before is kept")
        }
        let isBest = before.allSatisfy { weights.value(heldOut) < weights.value($0.heldOut) }
        var files: [FileDigest] = []
        if writes { for layer in 0..<layers { files.append(try writeState(trainer, step: step, layer: layer)) } }
        return RecoverCheck(
            step: step, heldOut: heldOut, isBest: isBest, steps: steps, seconds: seconds, files: files)
    }

    private func writeState(_ trainer: Trainer, step: Int, layer: Int) throws(Fault) -> FileDigest {
        let tensors = try trainer.state(of: layer)
        let writer = try staging.shard(
            RecoverCheck.fileName(step: step, layer: layer),
            tensors.map { TensorDescription(name: $0.name, shape: $0.values.shape, type: .f32) })
        for tensor in writer.order {
            guard let values = tensors.first(where: { $0.name == tensor.name })?.values else { continue }
            try values.to(.cpu).contiguous().withMutableBytes { (bytes) throws(Fault) in
                try writer.write(tensor.name, UnsafeRawBufferPointer(bytes))
            }
        }
        return try writer.finish()
    }

    /// Notes a check, and removes states that nobody will ask for again.
    private func add(_ check: RecoverCheck, to checks: inout [RecoverCheck]) throws(Fault) {
        try journal.append(check.json)
        checks.append(check)
        let best = checks.last(where: \.isBest)?.step
        for old in checks where old.step != check.step && old.step != best {
            for file in old.files where staging.contains(file.name) { try staging.remove(file.name) }
        }
    }

    private func restore(
        _ trainer: Trainer, from check: RecoverCheck, onlyMasters: Bool = false
    ) throws(Fault) {
        for layer in 0..<layers {
            try staging.check(check.files[layer])
            let path = staging.path(of: check.files[layer].name)
            let file = try SafetensorsFile(path)
            try trainer.restore(layer: layer, onlyMasters: onlyMasters) { (name, shape) throws(Fault) in
                guard let tensor = file.tensor(name), tensor.type == .f32, tensor.shape == shape else {
                    throw Fault(
                        .badData, "a state of the run lacks a tensor", file: path, place: "tensor '\(name)'",
                        expected: "float32 of the shape \(shape)", advice: JournalLine.advice)
                }
                let values = Tensor.empty(shape)
                try values.withMutableBytes { (bytes) throws(Fault) in try file.read(name, into: bytes) }
                return values.to(context.decoder.device)
            }
        }
    }

    // MARK: The output

    /// Writes the best state's blocks.
    private func write(_ trainer: Trainer?, _ checks: [RecoverCheck], _ committed: Set<String>) throws(Fault) {
        let names = (0..<layers).map { BlockFiles.name(part: $0 + 1) }
        if !names.allSatisfy(committed.contains) {
            guard let best = checks.last(where: \.isBest) else { return }
            let isStart = best.files.isEmpty
            let isAsRead = isStart && context.adapters == nil
            // Adapters that were given are in no file of the run.
            let known = isStart && !isAsRead ? nil : trainer
            let trainer = if let known { known } else { try context.makeTrainer() }
            if !isStart, best.step != checks.last?.step || committed.isEmpty == false {
                try restore(trainer, from: best, onlyMasters: true)
            }
            events(.note("writing the checkpoint"))
            for layer in 0..<layers where !committed.contains(names[layer]) {
                // Without a better state than the first, what is written is what the run began with.
                let values = isAsRead ? [:] : try trainer.trainedTensors(of: layer)
                let digest = try staging.writeShard(
                    names[layer], try context.run.files.contents(layer: layer, replacing: values))
                try journal.append(digest.line(kind: "block"))
            }
        }
        for check in checks {
            for file in check.files where staging.contains(file.name) { try staging.remove(file.name) }
        }
    }

    private func publish(_ result: RecoverResult, lines: [JSONValue]) throws(Fault) {
        let publication = Publication(
            context: context.run, files: context.run.files, staging: staging, journal: journal, lines: lines,
            keepsCandidates: false, events: events)
        try publication.checkCommitted()
        Machine.returnFreedMemory()
        try context.decoder.checkpoint.checkUnchanged()
        try publication.publish(try result.documents(context))
    }

    private static let adapterKind = "adapters"

    /// Writes the best adapters in PEFT's layout.
    private func writeAdapters(_ trainer: Trainer, _ checks: [RecoverCheck]) throws(Fault) -> FileDigest {
        guard let best = checks.last(where: \.isBest) else {
            throw Fault(.badData, "the journal has no check of the held-out sequences", file: journal.path)
        }
        // Without a better state than the first, the adapters are those that the run began with.
        let trainer = best.files.isEmpty ? try context.makeTrainer() : trainer
        if !best.files.isEmpty, best.step != checks.last?.step { try restore(trainer, from: best, onlyMasters: true) }
        var tensors: [(tensor: TensorDescription, bytes: [UInt8])] = []
        for layer in 0..<layers {
            for factor in try trainer.adapters(of: layer) {
                for (name, values) in [("lora_A", factor.a), ("lora_B", factor.b)] {
                    let bytes = values.to(.cpu).contiguous().bytes()
                    tensors.append(
                        (
                            TensorDescription(
                                name: "base_model.model.model.layers.\(layer).\(factor.linear.checkpointName)"
                                    + ".\(name).weight", shape: values.shape, type: .f32), bytes
                        ))
                }
            }
        }
        let digest = try staging.writeShard(PublishedFile.adapter, tensors)
        try journal.append(digest.line(kind: RecoverWork.adapterKind))
        return digest
    }

    /// The output is a folder of the adapters alone.
    private func publishAdapters(
        _ result: RecoverResult, _ adapters: FileDigest, _ checks: [RecoverCheck]
    ) throws(Fault) {
        guard let lora = settings.lora else { return }
        var files = [adapters]
        for check in checks {
            for file in check.files where staging.contains(file.name) { try staging.remove(file.name) }
        }
        events(.note("writing the adapters"))
        let configuration = try AdapterConfiguration(lora, base: context.decoder.checkpoint).json
        for document in try result.documents(context)
        where [PublishedFile.recovery, PublishedFile.recoveryRecipe, PublishedFile.card].contains(document.name) {
            files.append(try staging.write(document.name, document.bytes))
        }
        files.append(
            try staging.write(PublishedFile.adapterConfiguration, Array((configuration.text() + "\n").utf8)))
        try staging.publish(files) { events(.publishing) }
    }
}
