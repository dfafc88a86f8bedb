import Decoders
import Pruning
import Runs
import Structure
import Torch

/// The most bytes that each phase of a run holds, counted from shapes.
///
/// Every term is a tensor or buffer that lives at the phase's worst moment; what the libraries themselves take is
/// measured, see `base`.
struct PlanMemory {
    struct Phase: Equatable {
        var name: String
        var bytes: Int
    }

    /// Embedding the calibration tokens, each part of a block's pruning, writing a block, writing the checkpoint.
    let phases: [Phase]
    /// The hidden states' own bytes in the walk, in memory or in the offload folder.
    let streamBytes: Int
    /// The most of them that an offload folder holds, in the walk or while the costs of all linears are measured.
    let offloadBytes: Int

    var peak: Phase { phases.max { $0.bytes < $1.bytes } ?? Phase(name: "start", bytes: 0) }

    /// - Parameter base: bytes of the process with its libraries at work and no weights in memory.
    init(_ subject: PlanSubject, work: PlanWork, base: Int) {
        let c = subject.configuration
        let (n, t, h) = (subject.samples, subject.tokens, c.hiddenSize)
        let weights = subject.blockWeights
        let e = subject.compute.byteCount
        let isNarrow = subject.compute != .float32
        let stream = n * t * h * subject.streamByteCount
        streamBytes = stream * (subject.action.needsDenseStream ? 2 : 1)
        // What may be filled where there is a choice, and whether the walk's states fit there.
        let memory = RunContext.memory(subject.settings.memory, held: base)
        let left = max(0, memory - base)
        let stays = subject.settings.offload == nil && streamBytes <= left
        let held = stays ? streamBytes : 0
        var phases: [Phase] = []
        func add(_ name: String, _ bytes: Int) { phases.append(Phase(name: name, bytes: base + bytes)) }

        let table = c.vocabularySize * h * 4
        if n > 0 { add("embedding the calibration text", table + (stays ? stream : 0)) }

        // Within the walk the C library keeps freed memory: glibc up to twice its largest heap block of 32 MiB.
        #if os(Linux)
            let kept = n > 0 ? 64 << 20 : 0
        #else
            let kept = 0
        #endif
        // The next block is read while one is pruned.
        let spare = kept + weights * 4

        // A pass over a batch without gradients: the stream, a norm, gate | up and their product; or attention's
        // query, key and value with one chunk of scores.
        let b = min(max(1, n), subject.batch) * t
        let chunk = min(t, 128) * t * c.widest.headCount * e * min(max(1, n), subject.batch)
        let passing =
            n == 0
            ? 0
            : b * h * 8
                + max(
                    b * (h + 3 * c.widest.intermediateSize) * e,
                    b * (h + 3 * subject.shape(.q).out + 2 * subject.shape(.k).out) * e + 2 * chunk)
        let dense = weights * 4
        let working = isNarrow ? weights * e : 0
        let outcome = weights * 4 + weights
        let widest = subject.projections.map { subject.shape($0).rows * subject.shape($0).columns }.max() ?? 0
        let grams =
            work.block.grams > 0
            ? subject.projections.reduce(0) { $0 + subject.shape($1).columns * subject.shape($1).columns * 4 } : 0

        if n > 0 { add("forward passes of a block", held + spare + dense + working + grams + passing) }
        if work.block.masks > 0 { add("choosing a mask", held + spare + dense + outcome + widest * 12) }
        if work.block.solves > 0 {
            let width = subject.projections.map { subject.shape($0).columns }.max() ?? 0
            add("factorising", held + spare + dense + grams + outcome + width * width * (4 + 8 * 5))
        }
        if work.block.alternations > 0 {
            let squares = subject.projections.map { subject.shape($0).columns }.max() ?? 0
            let linear =
                subject.linears.map { subject.shape($0) }.map { $0.out * $0.in }.max() ?? 0
            // Dense, target, multipliers, pruned, free, a product and its scores, two masks; the inverse under way.
            add(
                "alternating directions",
                held + spare + dense + grams + outcome + linear * (7 * 4 + 3) + squares * squares * 12)
        }
        for step in work.steps { add(step.name, held + spare + dense + step.bytes) }
        if let structure = subject.settings.structure, work.eliminations > 0 {
            // H, its damped and inverted copies in float64, W and C under way, and the candidates of one sub-layer.
            let width = max(subject.shape(.down).columns, subject.shape(.o).columns)
            let matrix = c.hiddenSize * width * 4
            let levels = structure.sparsities(around: subject.settings.sparsity.fraction).count
            add(
                "eliminating",
                (stays ? stream : 0) + spare + dense + width * width * (4 + 3 * 8 + 2 * 4)
                    + matrix * (levels / 2 + 2))
        }
        // What enters the blocks, as bfloat16, and a gradient.
        let state = Int(work.assessed) * t * h * 2
        let together = DivergenceCosts.states(layers: c.layerCount, state: state, bytes: left / 2)
        let states = state * together + Int(work.assessed) * t * h * (subject.streamByteCount + 4)
        offloadBytes = max(stays ? 0 : streamBytes, subject.settings.offload == nil ? 0 : states)
        if work.assessed > 0 {
            // A block, its changes and the passes through it.
            let logits = (1 << 22) * 4 * 6
            let passed = dense + 2 * working + weights * 4 + training(subject, step: subject.batch)
            add(
                "measuring what each linear costs",
                (subject.settings.offload == nil ? states : 0) + spare
                    + max(passed, c.vocabularySize * h * (4 + e) + logits))
        }
        let searched = SearchSplit.searched(of: n).count
        if let structure = subject.settings.structure, work.compared > 0,
            let options = try? SearchOptions(structure, searched: searched, tokens: t)
        {
            let all = (0..<c.layerCount).reduce(0) { $0 + c.weightCount(layer: $1) } * e
            let logits = SearchModel.logitBytes + 2 * OutputMatrix.pieceElements * e
            let lanes = options.stages.map { $0.samples * t * h * subject.streamByteCount }
            let last = lanes.max() ?? 0
            // Every stage's input, and its teacher's states at the scored positions; the parent's lane and another.
            let states =
                lanes.reduce(0, +) + options.stages.reduce(0) { $0 + $1.samples * t * h * 4 } / SearchModel.scoredEvery
                + 2 * last
            // The dense block, the next one, and a pruned one.
            let least =
                c.vocabularySize * h * (4 + e) + logits + states + passing + 3 * working + 2 * dense
            // Blocks that stay, and lanes that are on their way together.
            let choice = all + max(options.offspring * lanes[0], last)
            add("searching", least + min(choice, max(0, left - least)))
        }
        if work.block.trainings > 0 {
            add(
                "optimising a block",
                held + spare + dense + grams + training(subject, step: work.block.step)
                    + subject.action.optimiserBytes(subject.blockSize))
        }
        // The errors before and after, on weights as they are written: one sequence at a time through three blocks,
        // with the outputs of the dense one's linears; then the written bytes.
        let hasStart = work.block.solves + work.block.alternations > 0 || work.block.updates > 0
        let results = hasStart ? outcome + weights * 4 : outcome
        if n > 0 {
            let outputs = subject.projections.reduce(0) { $0 + subject.shape($1).rows } * t * e
            add(
                "measuring a block's error",
                held + spare + dense + results + weights * (hasStart ? 8 : 4) + working * (hasStart ? 3 : 2) + outputs
                    + passing / min(n, subject.batch))
        }
        let outputWidth = subject.outputByteCount
        add("writing a block", held + spare + dense + results + weights * (4 + outputWidth) + widest * outputWidth)

        // The checkpoint is put together tensor by tensor; the streams are gone.
        let matrix = c.vocabularySize * h
        add("writing the checkpoint", matrix * outputWidth)
        self.phases = phases
    }
}

/// What back-propagation through one step's sequences keeps, and its own results.
private func training(_ subject: PlanSubject, step: Int) -> Int {
    let c = subject.configuration
    let e = subject.compute.forGradients.byteCount
    let tokens = step * subject.tokens
    // Kept for the backward pass: the stream twice, two norms, query, key, value before and after the rotation, the
    // context, gate | up and their product; the probabilities of attention's lower triangle.
    let saved =
        tokens * (c.hiddenSize * 12 + (2 * c.hiddenSize + 4 * subject.shape(.q).out + 4 * subject.shape(.k).out) * e)
        + tokens * 3 * subject.shape(.gate).out * e
        + step * c.widest.headCount * subject.tokens * (subject.tokens + min(128, subject.tokens)) / 2 * e
    // On the way back: the gradients of gate | up and of their product.
    return saved + tokens * 3 * subject.shape(.gate).out * e + tokens * c.hiddenSize * 8
}

extension PlanSubject {
    fileprivate var streamByteCount: Int {
        switch settings.streamDType {
        case .bfloat16, .float16: 2
        case .float32, .auto: 4
        }
    }

    /// Bytes of a written weight.
    fileprivate var outputByteCount: Int {
        guard let tensor = decoder.checkpoint.tensor(LinearName.down.weightName(layer: 0)) else { return 4 }
        return types.type(of: tensor).bitCount / 8
    }
}
