import Pruning
import Runs
import Recipes
import Structure

/// What a run does with one block, and a search with all of them, counted in the operations that `PlanMeasurement`
/// times.
struct PlanWork {
    /// What method, walk and candidates do with a block that has a goal.
    var block: BlockWork
    /// All levels of both sub-layers by elimination.
    var eliminations = 0.0
    /// Sequences that are passed forward and back through dense blocks to tell what pruning each linear costs.
    var assessed = 0.0
    /// A search's work on all blocks together: sequences through pruned models, and sequences whose scored positions'
    /// logits are compared.
    var searchedPruned = 0.0
    var compared = 0.0
    /// Steps of the method's own.
    var steps: [WorkStep] = []

    /// What a subject's run does.
    init(_ subject: PlanSubject) {
        self.init(subject.action.work(samples: subject.samples), samples: subject.samples)
        steps = subject.action.steps(subject.blockSize)
        guard subject.samples > 1 else { return }
        if let structure = subject.settings.structure { add(structure, of: subject) }
        if subject.settings.allocation == .search, case .masks(let pruner) = subject.action {
            addAllocation(by: pruner.candidate, samples: subject.samples)
            steps += pruner.candidate.steps(subject.blockSize)
        }
    }

    /// A method's work with what the walk does for every method: the sequences that are judged pass the dense block and
    /// the weights as written, and those before the optimisation where the method tells them.
    private init(_ method: BlockWork, samples: Int) {
        let passes = method.tellsStart ? 3 : 2
        let judged = Double(passes * Walk.judged(of: samples).count)
        block = method + BlockWork(forwards: judged, casts: samples > 0 ? Double(passes) : 1)
    }

    /// The candidates of all sub-layers, and the search for their distribution.
    private mutating func add(_ structure: PruneSettings.StructuralSettings, of subject: PlanSubject) {
        // The blocks' candidates, then the walk that prunes: what reaches `o`, and what then reaches `down`.
        let searched = SearchSplit.searched(of: subject.samples).count
        let calibrated = Double(subject.samples - searched)
        let iterations = Double(structure.iterations)
        eliminations = 1 + iterations
        block.statistics += iterations * calibrated + Double(subject.samples)
        block.grams += iterations * calibrated + Double(subject.samples)
        block.forwards += iterations * calibrated
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
            block.forwards += measured * (0.75 * Double(levels) + 0.25 * Double(attention)) / 2
        }
        addSearch(options, of: subject, times: iterations)
    }

    /// Every block pruned at the target, and the passes forward and back that tell what that costs.
    private mutating func addAllocation(by pruner: any BlockPruner, samples: Int) {
        let searched = SearchSplit.searched(of: samples).count
        block = block + pruner.work(samples: samples - searched)
        // The products of the changes with the inputs are another pass forward.
        block.forwards += Double(samples)
        addAssessment(Double(searched))
    }

    /// The passes of `DivergenceCosts`.
    private mutating func addAssessment(_ sequences: Double) {
        block.forwards += sequences
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
        // On average half of the blocks stand after the first one that changed; of several changes, two thirds.
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
}
