import Decoders
import Pruning
import Runs
import Structure
import Torch

/// The most bytes that each phase of a run holds, counted from shapes.
///
/// Every term is a tensor or buffer that lives at the phase's worst moment; what the libraries themselves take is
/// measured, see `base`. With a GPU the tensors of the computation are in its memory, and the process holds what is
/// read and written.
struct PlanMemory {
    struct Phase: Equatable {
        var name: String
        /// Of the process.
        var bytes: Int
        /// Of tensors on the GPU; 0 without one.
        var deviceBytes = 0
    }

    /// Embedding the calibration tokens, each part of a block's pruning, writing a block, writing the checkpoint.
    let phases: [Phase]
    /// The hidden states' own bytes in the walk, in memory or in the offload folder.
    let streamBytes: Int
    /// The most of them that an offload folder holds, in the walk or while the costs of all linears are measured.
    let offloadBytes: Int

    /// What the process may hold where there is a choice.
    let processLimit: Int
    /// Bytes of weights and candidates that a generation of the search reads from the disk, about; 0 without a search.
    let generationBytes: Int

    var peak: Phase { phases.max { $0.bytes < $1.bytes } ?? Phase(name: "start", bytes: 0) }
    /// Nil without a GPU.
    let devicePeak: Phase?

    /// - Parameters:
    ///   - base: bytes of the process with its libraries at work and no weights in memory.
    ///   - deviceLeft: what of a GPU's memory may be taken where there is a choice; nil without a GPU.
    init(_ subject: PlanSubject, work: PlanWork, base: Int, deviceLeft: Int? = nil) {
        let c = subject.configuration
        let (n, t, h) = (subject.samples, subject.tokens, c.hiddenSize)
        let weights = subject.blockWeights
        let e = subject.compute.byteCount
        let isNarrow = subject.compute != .float32
        let stream = n * t * h * subject.streamByteCount
        let streams = stream * (subject.action.needsDenseStream ? 2 : 1)
        streamBytes = streams
        // What may be filled where there is a choice, and whether the walk's states fit there.
        let asked = deviceLeft == nil ? subject.settings.memory : nil
        processLimit = MemoryLimit.bytes(asked, held: base)
        let processLeft = max(0, processLimit - base)
        let left = deviceLeft ?? processLeft
        let isOffloaded = subject.settings.offload != nil
        let staysOnDevice = !isOffloaded && streamBytes <= (deviceLeft ?? 0) / 2
        let stays = staysOnDevice || !isOffloaded && streamBytes <= processLeft

        // Within the walk the C library keeps freed memory: glibc up to twice its largest heap block of 32 MiB.
        #if os(Linux)
            let freed = n > 0 ? 64 << 20 : 0
        #else
            let freed = 0
        #endif
        var found: [Phase] = []
        /// - Parameters:
        ///   - streams: hidden states that are not offloaded, where the walk's are.
        ///   - bytes: where products are computed.
        ///   - ahead: of the next block, which is read while one is pruned.
        ///   - process: what the process holds besides when a GPU computes.
        func list(_ name: String, streams: Int, _ bytes: Int, ahead: Int, process: Int = 0) {
            let states = stays ? streams : 0
            if deviceLeft == nil {
                found.append(Phase(name: name, bytes: base + states + bytes + ahead + (ahead > 0 ? freed : 0)))
            } else {
                // A block is read as float32, and goes to the device projection by projection.
                found.append(
                    Phase(
                        name: name, bytes: base + freed + (staysOnDevice ? 0 : states) + ahead + process,
                        deviceBytes: bytes + ahead + (staysOnDevice ? states : 0)))
            }
        }
        let ahead = weights * 4
        func add(_ name: String, _ bytes: Int, process: Int = 0) {
            list(name, streams: streams, bytes, ahead: ahead, process: process)
        }

        let table = c.vocabularySize * h * 4
        if n > 0 { list("embedding the calibration text", streams: stream, table, ahead: 0, process: table) }

        let pass = PassMemory(c)
        let together = min(max(1, n), subject.batch)
        let passing = n == 0 ? 0 : pass.forward(samples: together, tokens: t, width: e)
        func training(_ samples: Int) -> Int {
            pass.training(samples: samples, tokens: t, width: subject.compute.forGradients.byteCount)
        }
        let dense = weights * 4
        let working = isNarrow ? weights * e : 0
        let outcome = weights * 4 + weights
        let widest = subject.projections.map { subject.shape($0).rows * subject.shape($0).columns }.max() ?? 0
        let grams =
            work.block.grams > 0
            ? subject.projections.reduce(0) { $0 + subject.shape($1).columns * subject.shape($1).columns * 4 } : 0

        // A GPU squares what enters a linear as float32 numbers; the processor's loop does it in place.
        let squares = deviceLeft == nil || n == 0 ? 0 : together * t * max(c.widest.intermediateSize, h) * 8
        if n > 0 { add("forward passes of a block", dense + working + grams + passing + squares) }
        if work.block.masks > 0 { add("choosing a mask", dense + outcome + widest * 12, process: widest * 12) }
        if work.block.solves > 0 {
            let width = subject.projections.map { subject.shape($0).columns }.max() ?? 0
            add("factorising", dense + grams + outcome + width * width * (4 + 8 * 5))
        }
        if work.block.alternations > 0 {
            let widths = subject.projections.map { subject.shape($0).columns }.max() ?? 0
            let linear =
                subject.linears.map { subject.shape($0) }.map { $0.out * $0.in }.max() ?? 0
            // Dense, target, multipliers, pruned, free, a product and its scores, two masks; of the
            // square matrices the moments, the factor, the inverse and what the library makes of it on the way.
            add(
                "alternating directions",
                dense + grams + outcome + linear * (7 * 4 + 3) + widths * widths * 16)
        }
        for step in work.steps { add(step.name, dense + step.bytes) }
        if let structure = subject.settings.structure, work.eliminations > 0 {
            // Σ x xᵀ, and in float64 its damped copy, factor and inverse, or the inverse, C under way and its gradient
            // term; W under way, and the candidates of one sub-layer.
            let width = max(subject.shape(.down).columns, subject.shape(.o).columns)
            let matrix = c.hiddenSize * width * 4
            let levels = structure.sparsities(around: subject.settings.sparsity.fraction).count
            list(
                "eliminating", streams: stream,
                dense + width * width * (4 + 3 * 8)
                    + matrix * (levels / 2 + 2), ahead: ahead, process: matrix * levels / 2)
        }
        // The embedded text, then what enters the blocks and a gradient.
        let assessed = Int(work.assessed)
        var embedded = StatesRoom(left: left, isOffloaded: isOffloaded)
        embedded.put(assessed * t * h * subject.streamByteCount)
        let states = DivergenceCosts.stateBytes(
            layers: c.layerCount, numbers: assessed * t * h, bytes: embedded.left / 2)
        embedded.put(states)
        var offloaded = embedded.offloaded
        if work.assessed > 0 {
            // A block, its changes and the passes through it.
            let passed = dense + 2 * working + weights * 4 + training(subject.batch)
            let head = DivergenceCosts.headBytes(
                c, samples: assessed, tokens: t, width: subject.compute.forGradients.byteCount)
            list(
                "measuring the cost of each linear layer", streams: 0, embedded.held + max(passed, head), ahead: ahead)
        }
        let searched = SearchSplit.searched(of: n).count
        if let structure = subject.settings.structure, work.compared > 0,
            let options = try? SearchOptions(structure, searched: searched, tokens: t)
        {
            let all = (0..<c.layerCount).reduce(0) { $0 + c.weightCount(layer: $1) } * e
            let lanes = options.stages.map { $0.samples * t * h * subject.streamByteCount }
            var room = StatesRoom(left: max(0, left - c.vocabularySize * h * e), isOffloaded: isOffloaded)
            // The parent's lane and another go where a stage's input is.
            let others = SearchModel.lanesAtLeast - 1
            var (logits, scored, moving, choice) = (0, 0, 0, all)
            for (index, (stage, lane)) in zip(options.stages, lanes).enumerated() {
                let isHeld = room.put(lane, beside: others * lane)
                if isHeld { moving = max(moving, others * lane) }
                if isHeld, index == 0 { choice += max(0, options.offspring - 1) * lane }
                let positions = stage.samples * max(1, t / SearchModel.scoredEvery)
                // A distribution's states at the scored positions, and the dense model's unless its logits are kept.
                let dense = positions * c.vocabularySize * e
                if dense <= SearchModel.logitBytes {
                    logits += dense
                    scored = max(scored, positions * h * 4)
                } else {
                    let stays = room.put(positions * h * 4)
                    scored = max(scored, positions * h * 4 * (stays ? 1 : 2))
                }
            }
            offloaded = max(offloaded, room.offloaded)
            // The dense block, the next one, and a pruned one.
            let least =
                c.vocabularySize * h * (4 + e) + logits + 2 * OutputMatrix.pieceElements * e + room.held + scored
                + moving + passing + 3 * working + 2 * dense
            // Blocks that stay, and lanes that are on their way together.
            list("searching", streams: 0, least + min(choice, max(0, left - least)), ahead: 0, process: dense)
            generationBytes = PlanMemory.generationBytes(
                options, subject, lanes: lanes, left: max(0, left - least + moving), blocks: all)
        } else {
            generationBytes = 0
        }
        offloadBytes = max(stays ? 0 : streamBytes, offloaded)
        if work.block.trainings > 0 {
            add(
                "optimizing a block",
                dense + grams + training(work.block.step)
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
                dense + results + weights * (hasStart ? 8 : 4) + working * (hasStart ? 3 : 2) + outputs
                    + passing / together)
        }
        let outputWidth = subject.outputByteCount
        add(
            "writing a block", dense + results + weights * (4 + outputWidth) + widest * outputWidth,
            process: widest * (4 + outputWidth))

        // The checkpoint is put together tensor by tensor; the streams are gone.
        let matrix = c.vocabularySize * h
        found.append(Phase(name: "writing the checkpoint", bytes: base + matrix * outputWidth))
        phases = found
        devicePeak = deviceLeft == nil ? nil : found.max { $0.deviceBytes < $1.deviceBytes }
    }
}

/// What of the memory that may be taken is left as hidden states take their places.
private struct StatesRoom {
    private(set) var left: Int
    /// Bytes in memory, and in a folder.
    private(set) var held = 0
    private(set) var offloaded = 0
    private let isOffloaded: Bool

    init(left: Int, isOffloaded: Bool) {
        self.left = left
        self.isOffloaded = isOffloaded
    }

    /// - Parameter others: that are kept at the same place later, for a while.
    /// - Returns: whether they are in memory.
    @discardableResult
    mutating func put(_ bytes: Int, beside others: Int = 0) -> Bool {
        guard !isOffloaded, bytes + others <= left else {
            offloaded += bytes + others
            return false
        }
        held += bytes
        left -= bytes
        return true
    }
}

extension PlanMemory {
    /// What a generation reads: in each stage the weights that do not stay, once for as many distributions as are on
    /// their way together, and of every sub-layer two candidates, the parent's and another.
    private static func generationBytes(
        _ options: SearchOptions, _ subject: PlanSubject, lanes: [Int], left: Int, blocks: Int
    ) -> Int {
        let c = subject.configuration
        let stored = (0..<c.layerCount).reduce(0.0) { sum, layer in
            sum
                + c.linears(layer: layer).reduce(0.0) { sum, linear in
                    let tensor = subject.decoder.checkpoint.tensor(linear.weightName(layer: layer))
                    return sum + Double(tensor?.byteCount ?? 0)
                }
        }
        let read = stored * max(0, 1 - Double(left / 2) / Double(max(1, blocks)))
        let candidates = c.layers.reduce(0.0) { sum, shape in
            let columns = shape.intermediateSize + shape.headCount * c.headDimension
            return sum + Double(c.hiddenSize * columns * subject.compute.byteCount)
        }
        var bytes = 0.0
        var pool = options.offspring
        for (stage, lane) in zip(options.stages, lanes) {
            let together = max(1, left / 2 / max(1, lane) - 2)
            bytes += Double((pool + together - 1) / together) * (read + candidates)
            pool = stage.survivors
        }
        return Int(bytes)
    }
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
