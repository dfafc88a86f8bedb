import Pruning
import Recipes
import Structure

/// What a run does with one block, counted in the operations that `PlanMeasurement` times.
struct PlanWork {
    /// Sequences in passes that gather squares, and in passes that gather Gram matrices.
    var statistics = 0.0
    var grams = 0.0
    /// Sequences in forward passes.
    var forwards = 0.0
    /// Sequences that are passed forward and back.
    var trainings = 0.0
    /// Sequences in one such pass.
    var step = 1
    /// Updates of all weights by an optimizer.
    var updates = 0.0
    /// Choices of a mask for all weights.
    var masks = 0.0
    /// Gradients squared and added for all weights.
    var accumulations = 0.0
    /// Mask and weights of all linears found together: by SparseGPT, or by ADMM.
    var solves = 0.0
    var alternations = 0.0
    /// Casts of all weights to what is written and back.
    var casts = 0.0
    /// All levels of both sub-layers by elimination.
    var eliminations = 0.0
    /// Sequences that are passed forward and back through dense blocks to tell what pruning each linear costs.
    var assessed = 0.0
    /// A search's work on all blocks together: sequences through pruned models, and sequences whose scored positions'
    /// logits are compared.
    var searchedPruned = 0.0
    var compared = 0.0

    /// What a subject's run does with a block that has a goal.
    init(_ subject: PlanSubject) {
        self.init(subject.pruner, samples: subject.samples)
        guard subject.samples > 1 else { return }
        if let structure = subject.settings.structure { add(structure, of: subject) }
        if subject.settings.allocation == .search { addAllocation(of: subject) }
    }

    /// The candidates of all sub-layers, and the search for their distribution.
    private mutating func add(_ structure: PruneSettings.StructuralSettings, of subject: PlanSubject) {
        // The blocks' candidates, then the walk that prunes: what reaches `o`, and what then reaches `down`.
        let searched = SearchSplit.searched(of: subject.samples).count
        let calibrated = Double(subject.samples - searched)
        let iterations = Double(structure.iterations)
        alternations = 0
        eliminations = 1 + iterations
        statistics += iterations * calibrated + Double(subject.samples)
        grams += iterations * calibrated
        forwards += iterations * calibrated
        let levels = structure.sparsities(around: subject.settings.sparsity.fraction).count
        let attention = min(levels, subject.attentionShapes)
        guard !structure.isUniform else {
            searchedPruned = Double(attention * searched)
            compared = 2 * searchedPruned
            return
        }
        guard let options = try? SearchOptions(structure, searched: searched, tokens: subject.tokens) else { return }
        if options.measured > 0 {
            let measured = Double(options.measured)
            addAssessment(measured)
            // Levels keep half of their sub-layer on average; attention is about a quarter of a block.
            forwards += measured * (0.75 * Double(levels) + 0.25 * Double(attention)) / 2
        }
        addSearch(options, of: subject, times: iterations)
    }

    /// Every block pruned at the target, and the passes forward and back that tell what that costs.
    private mutating func addAllocation(of subject: PlanSubject) {
        let searched = Double(SearchSplit.searched(of: subject.samples).count)
        let calibrated = Double(subject.samples) - searched
        switch subject.settings.method {
        case .magnitude: masks += 1
        case .wanda:
            statistics += calibrated
            masks += 1
        case .sparsegpt, .wandaPlusPlus, .tyr:
            grams += calibrated
            solves += 1
        }
        // The products of the changes with the inputs are another pass forward.
        forwards += calibrated + searched
        addAssessment(searched)
    }

    /// The passes of `DivergenceCosts`.
    private mutating func addAssessment(_ sequences: Double) {
        forwards += sequences
        assessed += sequences
        // Logits of all positions, forward and back.
        compared += 3 * sequences * Double(SearchModel.scoredEvery)
    }

    /// - Parameter times: how often all of it is done.
    private mutating func addSearch(_ options: SearchOptions, of subject: PlanSubject, times: Double) {
        let layers = Double(subject.configuration.layerCount)
        // The dense model's logits are made once for a stage where they are few enough to keep.
        func sides(_ samples: Int) -> Double {
            let scored = samples * (subject.tokens / SearchModel.scoredEvery)
            return scored * subject.configuration.vocabularySize * subject.compute.byteCount <= SearchModel.logitBytes
                ? 1 : 2
        }
        let first = options.stages[0].samples
        let last = options.stages[options.stages.count - 1].samples
        // On average half of the blocks stand behind the first one that changed; of several changes, two thirds.
        let neighbours = Double(options.rounds) * layers * 4 * Double(first)
        searchedPruned += times * neighbours / 2
        compared += times * sides(first) * neighbours
        // Every round ends with a look at all samples, for two tries on average.
        searchedPruned += times * Double(2 * options.rounds * last)
        compared += times * sides(last) * Double(2 * options.rounds * last)
        var pool = options.offspring
        for stage in options.stages {
            let sequences = times * Double(options.generations * pool * stage.samples)
            searchedPruned += sequences * 2 / 3
            compared += sequences * sides(stage.samples)
            pool = stage.survivors
        }
    }

    /// A block with a goal.
    init(_ pruner: any BlockPruner, samples: Int) {
        let n = Double(samples)
        let kept = Double(samples > 0 ? WandaPP.keptOut(of: samples).count : 0)
        // The walk: the sequences that are judged pass the dense block and the weights as written.
        let judged = Double(Walk.judged(of: samples).count)
        forwards = 2 * judged
        casts = samples > 0 ? 2 : 1
        switch pruner {
        case let paper as PublishedWandaPP:
            let drawn = Double(min(paper.roundSamples, samples) * paper.rounds)
            if paper.usesGradient {
                trainings += n
                accumulations += n
            } else if paper.usesOptimizer {
                forwards += n
            } else {
                statistics += n
            }
            masks += 1
            guard paper.usesOptimizer else { return }
            statistics += drawn + n
            trainings += drawn
            updates += drawn
            masks += Double(paper.rounds)
            forwards += judged
            casts += 1
        case let pruner as WandaPP:
            grams += n
            alternations += 1
            forwards += judged
            casts += 1
            guard pruner.options.passes > 0, samples > 1 else { return }
            let optimised = samples - Int(kept)
            step = min(pruner.options.stepSamples, optimised)
            let steps = max(1, pruner.options.passes * optimised / max(1, step))
            trainings += Double(steps * step)
            updates += Double(steps)
            forwards += kept * 2
            casts += 2
        case is SparseGPTPruner:
            grams += n
            solves += 1
            forwards += judged
            casts += 1
        case is WandaPruner:
            statistics += n
            masks += 1
        default: masks += 1
        }
    }
}
