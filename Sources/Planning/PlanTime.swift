import Decoders

/// Seconds of a run by what it does.
struct PlanTime {
    let parts: [(name: String, seconds: Double)]

    var total: Double { parts.reduce(0) { $0 + $1.seconds } }

    init(_ subject: PlanSubject, work: PlanWork, measurement m: PlanMeasurement, outputBytes: Int) {
        let blocks = subject.allBlocks
        let pruned = subject.prunedBlocks
        let samples = Double(subject.samples)
        var parts: [(name: String, seconds: Double)] = []
        func add(_ name: String, _ seconds: Double) { if seconds > 0 { parts.append((name, seconds)) } }

        add("hidden stream", subject.streamPasses * m.forward)
        add("statistics", pruned * (work.block.statistics * m.statistics + work.block.grams * m.gram))
        add("masks", pruned * work.block.masks * m.mask)
        add("solver", pruned * (work.block.solves * m.solve + work.block.alternations * m.alternation))
        for step in work.steps { add(step.name, pruned * step.operations * m.product) }
        add("candidates", pruned * work.eliminations * m.elimination)
        let left = 1 - subject.settings.sparsity.fraction
        add(
            "search",
            blocks * left * work.searchedPruned * m.forward + work.compared * m.comparison)
        add("allocation", blocks * work.assessed * m.training)
        // A compact block is trained at the size that is left of it.
        let trained = subject.settings.method.removes == .units ? pruned * left : pruned
        add("optimizing", trained * (work.block.trainings * m.training + work.block.updates * m.update))
        add("gradients", pruned * work.block.accumulations * m.accumulation)
        add("errors", pruned * work.block.forwards * m.forward)
        if subject.settings.allocation == .owl {
            add("allocation", blocks * samples * (m.statistics > 0 ? m.statistics / 0.8 : m.forward) + blocks * m.load)
        }
        // Outside of the blocks: read to embed, and to be written.
        let outside = subject.files.tensors(part: 0).reduce(0) { $0 + $1.count }
        let reading = m.load / Double(max(1, subject.blockWeights))
        add("reading", blocks * m.load + reading * Double(outside) * (subject.samples > 0 ? 3 : 2))
        // Each weight is cast and counted, hashed as a part, in its shard and once more when the folder is verified;
        // the copies and writes in between, five of them, take about as long as five more hashes.
        add(
            "writing",
            blocks * (m.inspect + m.cast) + pruned * work.block.casts * m.cast + Double(outputBytes) * m.hash * 8)
        self.parts = parts
    }
}
