import Pruning

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

    /// A block with a goal.
    init(_ pruner: any BlockPruner, samples: Int) {
        let n = Double(samples)
        let kept = Double(samples > 0 ? WandaPP.keptOut(of: samples).count : 0)
        // The walk: the dense output of the sequences that are judged, and the weights as written.
        let judged = Double(Walk.judged(of: samples).count)
        forwards = judged
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
