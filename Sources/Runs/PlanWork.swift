import Pruning
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
    /// A search's work on all blocks together: sequences through dense and through pruned models, and sequences whose
    /// scored positions' logits are compared.
    var searchedDense = 0.0
    var searchedPruned = 0.0
    var compared = 0.0

    /// What a subject's run does with a block that has a goal.
    init(_ subject: PlanSubject) {
        self.init(subject.pruner, samples: subject.samples)
        guard let structure = subject.settings.structure, subject.samples > 1 else { return }
        // The blocks' candidates, then the walk that prunes: what reaches `o`, and what then reaches `down`.
        let searched = Double(StructuralRun.searched(of: subject.samples).count)
        let calibrated = Double(subject.samples) - searched
        alternations = 0
        eliminations = 2
        statistics += calibrated + Double(subject.samples)
        grams += calibrated
        forwards += calibrated
        let stage = Double(StructuralRun.stage(of: Int(searched)))
        let layers = Double(subject.configuration.layerCount)
        let attention = min(StructuralRun.sparsities.count, subject.attentionShapes)
        guard !structure.isUniform else {
            searchedPruned = Double(attention) * searched
            compared = 2 * searchedPruned
            return
        }
        let effort = DistributionSearch.Effort(structure.effort)
        let probes = layers * Double(effort.probes(of: StructuralRun.sparsities.count) + effort.probes(of: attention))
        // On average half of the blocks stand behind the first one that changed; of several changes, two thirds.
        searchedDense = probes * stage / 2
        let neighbours = Double(effort.rounds) * layers * 4
        let generations = Double(effort.generations)
        let last = Double(effort.survivors.first ?? 1) * (searched + stage)
        let offspring = Double(effort.offspring) * stage
        searchedPruned = neighbours * stage / 2 + generations * (offspring + last) * 2 / 3
        // The dense model's logits are made once for a stage where they are few enough to keep.
        let scored = stage * Double(subject.tokens / SearchModel.scoredEvery * subject.configuration.vocabularySize * 4)
        let sides = scored <= Double(SearchModel.logBytes) ? 1.0 : 2.0
        compared = sides * (probes * stage + neighbours * stage + generations * offspring) + 2 * generations * last
    }

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
