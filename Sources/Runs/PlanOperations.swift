import Decoders
import Pruning
import Structure

/// Floating-point operations of a run's matrix products, a multiply-add counting two, from shapes alone.
///
/// Norms, softmax, masks, optimizer steps and files take time and count as nothing, and of a symmetric product half
/// counts: divided by a run's seconds and the machine's peak, the total says how well the run uses the machine.
struct PlanOperations {
    let total: Double

    /// Eliminations are matrix-vector products for the most part and count as nothing.
    init(_ subject: PlanSubject, work: PlanWork) {
        let tokens = Double(subject.tokens)
        func weights(_ name: ProjectionName) -> Double {
            let shape = subject.shape(name)
            return Double(shape.rows) * Double(shape.columns)
        }
        let forward = subject.configuration.blockOperations(layer: subject.measuredLayer, tokens: subject.tokens)
        // Statistics look at what reaches `down` and need no product of it.
        let statistics = forward - 2 * tokens * weights(.down)
        // Each product has two derivatives, but nobody asks for that of the block's input.
        let training = 3 * forward - 2 * tokens * weights(.qkv)
        var (grams, solve, alternation) = (0.0, 0.0, 0.0)
        for name in ProjectionName.allCases {
            let width = Double(subject.shape(name).columns)
            let square = width * width
            grams += tokens * square
            // Two Cholesky factors and an inverse; then every column changes those behind it.
            solve += 4 / 3 * width * square + weights(name) * width
            alternation +=
                Double(AlternatingDirections.products) * 2 * weights(name) * width
                + Double(AlternatingDirections.inversions * name.linears.count) * width * square
        }
        var block = work.forwards * forward + work.statistics * statistics + work.grams * (statistics + grams)
        block += work.trainings * training + work.solves * solve + work.alternations * alternation
        let isAllocated = subject.settings.allocation == .owl
        let allocation = isAllocated ? subject.allBlocks * Double(subject.samples) : 0
        let left = 1 - subject.settings.sparsity.fraction
        let searched = subject.allBlocks * (work.searchedDense + left * work.searchedPruned) * forward
        let scored = Double(subject.tokens) / Double(SearchModel.scoredEvery)
        let head = 2 * scored * Double(subject.configuration.hiddenSize * subject.configuration.vocabularySize)
        total =
            searched + work.compared * head + subject.prunedBlocks * block + (subject.streamPasses + allocation)
            * forward
    }
}

extension PlanSubject {
    /// Sequences through a block that only take the hidden states along: the pruned stream through all blocks but the
    /// last pruned one, the dense stream through all.
    var streamPasses: Double {
        Double(samples) * (blocks(walkedLayers.dropLast()) + (pruner.needsDenseStream ? blocks(walkedLayers) : 0))
    }
}
