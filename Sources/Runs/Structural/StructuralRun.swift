import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Pruning
import Publishing
import Recipes
import Structure
import Torch

/// Whole units go: supernets of candidates with a search among them, and a walk that prunes to the distribution that
/// was found.
struct StructuralRun {
    let context: PruneContext
    let refit: BlockRefit
    let staging: StagingFolder
    let journal: Journal
    let events: EventHandler

    private var configuration: DecoderConfiguration { context.decoder.configuration }

    /// - Parameter lines: the journal's after the first.
    func finish(recipe: String, lines: [JSONValue]) throws(Fault) -> RunResult {
        guard let structure = context.settings.structure else {
            throw Fault(.usage, "a structural run without its settings")
        }
        let search = StructuralSearch(
            context: context, structure: structure, staging: staging, journal: journal, events: events
        ) { fraction in progress(0.7 * fraction) }
        let found = try search.run(lines)
        let files = BlockFiles(
            checkpoint: context.decoder.checkpoint, configuration: configuration, types: context.types,
            compact: configuration.with(layers: found.shapes))
        let publication = Publication(
            context: context.run, files: files, staging: staging, journal: journal, lines: lines,
            keepsCandidates: structure.keepsSupernet, events: events)
        try publication.checkCommitted()
        let reports = try CompactWalk(
            context: context, refit: refit, files: files, staging: staging, journal: journal, events: events
        ) { fraction in progress(0.7 + 0.3 * fraction) }
        .run(committed: publication.committedReports())
        events(.note("writing the checkpoint"))
        Machine.returnFreedMemory()
        try context.decoder.checkpoint.checkUnchanged()
        if !structure.keepsSupernet { try search.removeCandidates() }
        let result = RunResult(
            context: context, blocks: reports, steps: found.steps,
            structure: StructuralReport(
                files: files, measure: found.measure, source: configuration.layers, engines: structure.engines))
        try publication.publish(result.documents(context.run, recipe: recipe))
        return result
    }

    private func progress(_ fraction: Double) {
        events(.progress(block: 0, blocks: configuration.layerCount, fraction: fraction))
    }
}

extension PruneSettings {
    /// About what a search's candidates take on the disk.
    ///
    /// - Parameter compute: number type of the matrix products.
    package func candidateBytes(_ configuration: DecoderConfiguration, compute: DType) -> Int {
        if let structure {
            // Half of each output matrix at every level, on average.
            let levels = structure.sparsities(around: sparsity.fraction).count
            return configuration.layers.reduce(0) { sum, shape in
                let columns = shape.intermediateSize + shape.headCount * configuration.headDimension
                return sum + configuration.hiddenSize * columns * compute.byteCount * levels / 2
            }
        }
        guard allocation == .search else { return 0 }
        // A bit for each weight, and two bytes for one that stays.
        let weights = (0..<configuration.layerCount).reduce(0) { $0 + configuration.weightCount(layer: $1) }
        return weights / 8 + Int((1 - sparsity.fraction) * Double(weights)) * 2
    }
}

extension PruneSettings.StructuralSettings {
    /// What the widths of a model's MLPs are a multiple of, unless they stay whole: what was asked for, else what
    /// kernels are built for; and what the engines take as far as the dense widths are multiples of it.
    package func granularity(for configuration: DecoderConfiguration) -> Int {
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        let wanted = engines?.widthMultiple(isUniform: isUniform) ?? 1
        let shared = configuration.layers.reduce(wanted) { divisor($0, $1.intermediateSize) }
        // Both are powers of two.
        guard let granularity else { return max(StructuralWidths.multiple, shared) }
        return granularity / divisor(granularity, shared) * shared
    }

    /// The sparsities of a sub-layer's candidates.
    ///
    /// - Parameter iteration: each has half the interval of the one before.
    package func sparsities(around centre: Double, iteration: Int = 0) -> [Double] {
        // What is around a distribution that was found is a part of the range.
        let count = levels ?? (iteration > 0 ? 9 : nil)
        let interval = interval / Double(1 << iteration)
        return Levels.sparsities(interval: interval, count: count, around: centre)
    }
}
