import Decoders
import Structure

/// Floating-point operations of a run's matrix products, a multiply-add counting two, from shapes alone.
///
/// Norms, softmax, masks, optimizer steps and files take time and count as nothing, and of a symmetric product half
/// counts: divided by a run's seconds and the machine's peak, the total says how well the run uses the machine.
struct PlanOperations {
    let total: Double

    /// Eliminations are matrix-vector products for the most part and count as nothing.
    init(_ subject: PlanSubject, work: PlanWork) {
        let one = BlockOperations(subject.configuration, layer: subject.measuredLayer, tokens: subject.tokens)
        let forward = one.forward
        var block =
            work.block.forwards * forward + work.block.statistics * one.statistics + work.block.grams
            * (one.statistics + one.grams)
        block +=
            work.block.trainings * one.training + work.block.solves * one.solve + work.block.alternations
            * one.alternation
        block += work.steps.reduce(0) { $0 + $1.operations }
        let isAllocated = subject.settings.allocation == .owl
        let allocation = isAllocated ? subject.allBlocks * Double(subject.samples) : 0
        let assessed = subject.allBlocks * work.assessed * one.training
        let left = 1 - subject.settings.sparsity.fraction
        let searched = subject.allBlocks * left * work.searchedPruned * forward
        let scored = Double(subject.tokens) / Double(SearchModel.scoredEvery)
        let head = 2 * scored * Double(subject.configuration.hiddenSize * subject.configuration.vocabularySize)
        total =
            searched + assessed + work.compared * head + subject.prunedBlocks * block
            + (subject.streamPasses + allocation)
            * forward
    }
}

extension PlanSubject {
    /// Sequences through a block that only take the hidden states along: the pruned stream through all blocks but the
    /// last pruned one, the dense stream through all.
    var streamPasses: Double {
        Double(samples) * (blocks(walkedLayers.dropLast()) + (action.needsDenseStream ? blocks(walkedLayers) : 0))
    }
}
