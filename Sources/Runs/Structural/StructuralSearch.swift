import Checkpoints
import Decoders
import Faults
import JSONText
import Recipes
import Structure
import Torch

/// From a model to the shape of every layer: a supernet, the search among its candidates, and both again with a finer
/// interval around what was found, as often as asked for.
struct StructuralSearch {
    /// What was found, with the steps that led there.
    struct Found {
        var steps: [DistributionSearch.Step]
        var shapes: [LayerShape]
        var measure: BudgetMeasure
    }

    let context: RunContext
    let structure: PruneSettings.StructuralSettings
    let staging: StagingFolder
    let journal: Journal
    let events: EventHandler
    /// Told the fraction that is done.
    let progress: (Double) -> Void

    private var configuration: DecoderConfiguration { context.decoder.configuration }
    private var subLayers: [SubLayer] { SubLayer.all(layers: configuration.layerCount) }
    private var samples: Int { context.calibration?.tokens.rows ?? 0 }

    private var granularity: Int { structure.granularity(for: configuration) }

    /// - Parameter lines: the journal's behind the first.
    func run(_ lines: [JSONValue]) throws(Fault) -> Found {
        var measure = BudgetMeasure(budget: structure.budget, configuration: configuration)
        (measure.weightBytes, measure.normBytes, measure.fixedBytes) = writtenBytes()
        measure.latency = lines.compactMap { LatencyTable(journal: $0) }.first
        if let shapes = lines.compactMap(StructuralSearch.shapes).first {
            return Found(steps: lines.compactMap(DistributionSearch.Step.init(json:)), shapes: shapes, measure: measure)
        }
        try check(measure)
        let searched = SearchSplit.searched(of: samples)
        let options = try SearchOptions(
            structure, searched: searched.count, tokens: context.calibration?.tokens.columns ?? 0)
        // Each iteration but the first begins with the line of the distribution that it is centred on.
        var parts: [ArraySlice<JSONValue>] = lines.split(omittingEmptySubsequences: false) {
            StructuralSearch.centre($0) != nil
        }
        let centres = lines.compactMap(StructuralSearch.centre)
        parts.removeFirst(parts.count - 1)
        var steps = lines.prefix(lines.count - (parts.first?.count ?? 0))
            .compactMap(DistributionSearch.Step.init(json:))
        var current = centres.last
        for iteration in centres.count..<structure.iterations {
            let known = iteration == centres.count ? Array(parts.first ?? []) : []
            if let current, iteration > centres.count { try journal.append(StructuralSearch.line("centre", current)) }
            let range =
                Double(iteration) / Double(structure.iterations)..<Double(iteration + 1)
                / Double(structure.iterations)
            let found = try search(
                known, iteration: iteration, from: current, measure: &measure, options: options, searched: searched
            ) { progress(range.lowerBound + $0 * (range.upperBound - range.lowerBound)) }
            steps += found.steps
            current = found.shapes
        }
        var shapes = current ?? configuration.layers
        let dense = subLayers.map { measure.size(configuration.layers[$0.layer].part($0.kind)) }
        let pools = pools(dense: dense, measure: measure)
        shapes = try filled(shapes, pools: pools, measure: measure)
        try journal.append(StructuralSearch.line("shapes", shapes))
        return Found(steps: steps, shapes: shapes, measure: measure)
    }

    func removeCandidates() throws(Fault) {
        for name in subLayers.map(CandidateFile.name) where staging.contains(name) { try staging.remove(name) }
    }

    // MARK: One iteration

    private func search(
        _ lines: [JSONValue], iteration: Int, from centre: [LayerShape]?, measure: inout BudgetMeasure,
        options: SearchOptions, searched: [Int], progress: @escaping (Double) -> Void
    ) throws(Fault) -> (steps: [DistributionSearch.Step], shapes: [LayerShape]) {
        let kept = try supernet(lines, iteration: iteration, around: centre) { progress(0.2 * $0) }
        try measureLatency(kept, &measure)
        let sizes = zip(subLayers, kept).map { _, levels in levels.map { measure.size($0.shape) } }
        let space = SearchSpace(sizes: sizes, pools: pools(dense: sizes.map { $0[0] }, measure: measure))
        if let (pool, least) = space.impossible { throw unreachable(pool, least: least, space, measure) }
        events(.note("searching the distribution of \(subLayers.count) sub-layers"))
        var files: [SubLayer: SafetensorsFile] = [:]
        for subLayer in subLayers {
            files[subLayer] = try SafetensorsFile(staging.path(of: CandidateFile.name(subLayer)))
        }
        func candidate(_ subLayer: SubLayer, _ level: Int) throws(Fault) -> Candidate? {
            guard level > 0 else { return nil }
            guard let file = files[subLayer], let candidate = try CandidateFile.read(file, level: level) else {
                throw Fault(
                    .badData, "a candidate of the supernet is missing", place: "block \(subLayer.layer)",
                    advice: "start the run again with --overwrite")
            }
            return candidate
        }
        let model = try context.searchModel(searched, options) { (dense, attention, mlp) throws(Fault) in
            let layer = dense.geometry.layer
            return dense.compacted(
                attention: try candidate(SubLayer(layer: layer, kind: .attention), attention),
                mlp: try candidate(SubLayer(layer: layer, kind: .mlp), mlp))
        }
        let search = DistributionSearch(
            model: model, space: space, options: options, seed: context.settings.seed &+ UInt64(iteration),
            journal: journal, events: events
        ) { progress(0.2 + 0.8 * $0) }
        let steps =
            try structure.isUniform
            ? UniformSearch(search: search, kept: kept, dropsLayers: Set(configuration.windows).count <= 1)
                .run(committed: lines.count { DistributionSearch.Step(json: $0) != nil })
            : search.run(lines: lines, from: start(space, kept, centre, options))
        guard let genome = steps.last?.genome else { return (steps, configuration.layers) }
        var shapes = configuration.layers
        for (gene, subLayer) in subLayers.enumerated() {
            shapes[subLayer.layer].set(subLayer.kind, from: kept[gene][genome[gene]].shape)
        }
        return (steps, shapes)
    }

    /// Where a search begins that does not measure: at the distribution that its levels are around, or at uniform.
    private func start(
        _ space: SearchSpace, _ kept: [[KeptUnits]], _ centre: [LayerShape]?, _ options: SearchOptions
    ) -> Genome? {
        guard options.probeEvery == nil || centre != nil else { return nil }
        return subLayers.indices.map { gene in
            let (levels, subLayer) = (kept[gene], subLayers[gene])
            let most: Int
            if let centre {
                most = configuration.parameterCount(centre[subLayer.layer].part(subLayer.kind))
            } else {
                let left = 1 - context.settings.sparsity.fraction
                most = Int(left * Double(levels[0].parameters(configuration)))
            }
            return levels.indices.first { levels[$0].parameters(configuration) <= most } ?? levels.count - 1
        }
    }

    /// What stays of every sub-layer at each level; the candidates are in files.
    private func supernet(
        _ lines: [JSONValue], iteration: Int, around centre: [LayerShape]?, progress: @escaping (Double) -> Void
    ) throws(Fault) -> [[KeptUnits]] {
        events(.note("making the candidates of \(subLayers.count) sub-layers"))
        var committed: Set<String> = []
        for digest in FileDigest.digests(lines, kind: "candidates") {
            try staging.check(digest)
            committed.insert(digest.name)
        }
        return try SupernetWalk(
            context: context, staging: staging, journal: journal, samples: SearchSplit.calibrated(of: samples),
            sparsities: { subLayer in
                let dense = configuration.parameterCount(configuration.layers[subLayer.layer].part(subLayer.kind))
                var around = context.settings.sparsity.fraction
                if let centre, dense > 0 {
                    let left = configuration.parameterCount(centre[subLayer.layer].part(subLayer.kind))
                    around = 1 - Double(left) / Double(dense)
                }
                return structure.sparsities(around: around, iteration: iteration)
            }, progress: progress
        ).run(committed: committed)
    }

    // MARK: Budget

    private func measureLatency(_ kept: [[KeptUnits]], _ measure: inout BudgetMeasure) throws(Fault) {
        let parts = Set(kept.joined().map(\.shape))
        guard measure.budget == .latency, !(measure.latency?.covers(parts) ?? false) else { return }
        events(.note("measuring the latency of \(parts.count) shapes"))
        let layer = configuration.layers.indices.max {
            configuration.weightCount(layer: $0) < configuration.weightCount(layer: $1)
        }
        let block = try context.decoder.block(layer ?? 0).to(context.compute)
        let table = LatencyTable.measure(
            parts, block: block, rotary: context.decoder.rotary(positions: LatencyTable.tokens))
        try journal.append(table.line)
        measure.latency = table
    }

    private func pools(dense: [Int], measure: BudgetMeasure) -> [SearchSpace.Pool] {
        let genes = Array(dense.indices)
        let parts = structure.separatesBudgets ? [genes.filter { $0 % 2 == 0 }, genes.filter { $0 % 2 == 1 }] : [genes]
        return parts.map { genes in
            SearchSpace.Pool(
                genes: genes,
                budget: measure.budget(
                    dense: genes.reduce(0) { $0 + dense[$1] }, removing: context.settings.sparsity.fraction))
        }
    }

    /// What can be told before any work: whether there is anything to remove, and enough of it.
    private func check(_ measure: BudgetMeasure) throws(Fault) {
        for width in Set(configuration.layers.map(\.intermediateSize)) where width > 0 {
            guard width.isMultiple(of: structure.granularity) else {
                let divisors = (1...width).filter { width.isMultiple(of: $0) }
                let near = divisors.min { abs($0 - structure.granularity) < abs($1 - structure.granularity) } ?? 1
                throw Fault(
                    .usage, "the granularity does not divide the neurons of a layer", place: "--granularity",
                    found: "\(structure.granularity)", expected: "a divisor of \(width)", advice: "use \(near)")
            }
        }
        guard measure.budget == .bytes else { return }
        let dense = measure.total(configuration.layers)
        if measure.budget(dense: dense, removing: context.settings.sparsity.fraction) < 0 {
            throw tooMuch(least: 0, dense: dense, measure)
        }
    }

    private func unreachable(
        _ pool: SearchSpace.Pool, least: Int, _ space: SearchSpace, _ measure: BudgetMeasure
    ) -> Fault {
        tooMuch(least: least, dense: pool.genes.reduce(0) { $0 + space.sizes[$1][0] }, measure)
    }

    private func tooMuch(least: Int, dense: Int, _ measure: BudgetMeasure) -> Fault {
        let most = 1 - Double(least + measure.fixed) / Double(max(1, dense + measure.fixed))
        return Fault(
            .usage, "the budget cannot be met", place: "--sparsity", found: context.settings.sparsity.text,
            expected: "at most \((most * 1e4).rounded(.down) / 1e4) of the \(structure.budget.text)",
            advice: measure.fixed > 0
                ? "embeddings stay: ask for less, or count --budget parameters" : "ask for less")
    }

    /// Bytes of a linear's weight and a norm's in the output, and of everything that no search removes.
    private func writtenBytes() -> (weight: Int, norm: Int, fixed: Int) {
        let files = context.files
        func bytes(_ name: String) -> Int {
            context.decoder.checkpoint.tensor(name).map { files.description($0).type.bitCount / 8 } ?? 4
        }
        let weight = bytes(LinearName.down.weightName(layer: 0))
        let norm = bytes("model.layers.0.input_layernorm.weight")
        let fixed = files.tensors(part: 0).reduce(0) { $0 + files.description($1).byteCount }
        return (weight, norm, fixed)
    }

    // MARK: The remainder

    /// The shapes with what a distribution leaves of the budget given to the MLPs, granule by granule, the ones that lost
    /// most first; to all alike where layers are uniform.
    private func filled(
        _ shapes: [LayerShape], pools: [SearchSpace.Pool], measure: BudgetMeasure
    ) throws(Fault) -> [LayerShape] {
        guard measure.isFilledWithNeurons else { return shapes }
        var shapes = shapes
        let kinds: [SubLayer.Kind] = structure.separatesBudgets ? [.mlp] : SubLayer.Kind.allCases
        var room = pools[pools.count - 1].budget
        for shape in shapes { for kind in kinds { room -= measure.size(shape.part(kind)) } }
        if structure.isUniform {
            while let wider = widenedAlike(shapes) {
                let cost = measure.total(wider) - measure.total(shapes)
                guard cost <= room else { break }
                (shapes, room) = (wider, room - cost)
            }
            return shapes
        }
        var isGrowing = true
        while isGrowing {
            isGrowing = false
            let order = shapes.indices.filter { shapes[$0].hasMLP }.sorted {
                (shapes[$0].intermediateSize, $0) < (shapes[$1].intermediateSize, $1)
            }
            for layer in order {
                let left = configuration.layers[layer].intermediateSize - shapes[layer].intermediateSize
                guard left > 0 else { continue }
                var next = shapes[layer]
                next.intermediateSize += min(granularity, left)
                let cost = measure.size(next.mlp) - measure.size(shapes[layer].mlp)
                guard cost <= room else { continue }
                (shapes[layer], room, isGrowing) = (next, room - cost, true)
            }
        }
        return shapes
    }

    /// All layers a granule wider, or nil where one is whole.
    private func widenedAlike(_ shapes: [LayerShape]) -> [LayerShape]? {
        let most = configuration.layers.map(\.intermediateSize).min() ?? 0
        guard shapes.allSatisfy({ $0.hasMLP && $0.intermediateSize + granularity <= most }) else {
            return nil
        }
        return shapes.map { shape in
            var wider = shape
            wider.intermediateSize += granularity
            return wider
        }
    }

    // MARK: The journal

    private static func line(_ kind: String, _ shapes: [LayerShape]) -> JSONValue {
        .object([
            "kind": .string(kind),
            "layers": .array(
                shapes.map {
                    .array([.integer($0.headCount), .integer($0.keyValueHeadCount), .integer($0.intermediateSize)])
                }),
        ])
    }

    private static func shapes(_ line: JSONValue) -> [LayerShape]? { shapes(line, kind: "shapes") }
    private static func centre(_ line: JSONValue) -> [LayerShape]? { shapes(line, kind: "centre") }

    private static func shapes(_ line: JSONValue, kind: String) -> [LayerShape]? {
        guard let object = line.objectValue, object["kind"]?.stringValue == kind else { return nil }
        return object["layers"]?.arrayValue?.compactMap { entry in
            guard let values = entry.arrayValue?.compactMap(\.integerValue), values.count == 3 else { return nil }
            return LayerShape(headCount: values[0], keyValueHeadCount: values[1], intermediateSize: values[2])
        }
    }
}

extension LayerShape {
    /// The layer with one of its halves only.
    func part(_ kind: SubLayer.Kind) -> LayerShape { kind == .attention ? attention : mlp }

    fileprivate mutating func set(_ kind: SubLayer.Kind, from part: LayerShape) {
        switch kind {
        case .attention: (headCount, keyValueHeadCount) = (part.headCount, part.keyValueHeadCount)
        case .mlp: intermediateSize = part.intermediateSize
        }
    }
}

extension LatencyTable {
    fileprivate var line: JSONValue { .object(["kind": .string("latency"), "table": json]) }

    fileprivate init?(journal line: JSONValue) {
        guard line.objectValue?["kind"]?.stringValue == "latency", let table = line.objectValue?["table"] else {
            return nil
        }
        self.init(json: table)
    }
}
