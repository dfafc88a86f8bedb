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

/// From a model to the shape of every layer: a supernet, the search among its candidates, and both again with a finer
/// interval around what was found, as often as asked for.
struct StructuralSearch {
    /// What was found, with the steps that led there.
    struct Found {
        var steps: [DistributionSearch.Step]
        var shapes: [LayerShape]
        var measure: BudgetMeasure
    }

    let context: PruneContext
    let structure: PruneSettings.StructuralSettings
    let staging: StagingFolder
    let journal: Journal
    let events: EventHandler
    /// Told the fraction that is done.
    let progress: (Double) -> Void

    var configuration: DecoderConfiguration { context.decoder.configuration }
    var subLayers: [SubLayer] { SubLayer.all(layers: configuration.layerCount) }
    var samples: Int { context.calibration?.tokens.rows ?? 0 }

    /// - Parameter lines: the journal's after the first.
    func run(_ lines: [JSONValue]) throws(Fault) -> Found {
        var measure = BudgetMeasure(budget: structure.budget, files: context.files)
        // Of the iterations' tables the last one took the place of those before.
        measure.latency = lines.compactMap { LatencyTable(journal: $0) }.last
        if let shapes = lines.compactMap(StructuralSearch.shapes).first {
            return Found(steps: lines.compactMap(DistributionSearch.Step.init(json:)), shapes: shapes, measure: measure)
        }
        try context.settings.checkStructure(measure)
        let searched = SearchSplit.searched(of: samples)
        let options = try SearchOptions(
            structure, searched: searched.count, tokens: context.calibration?.tokens.columns ?? 0)
        // Each iteration but the first begins with the line of the distribution that it is centred on.
        let centres = lines.compactMap(StructuralSearch.centre)
        let begin = lines.lastIndex { StructuralSearch.centre($0) != nil }.map { $0 + 1 } ?? 0
        var steps = lines[..<begin].compactMap(DistributionSearch.Step.init(json:))
        var current = centres.last
        for iteration in centres.count..<structure.iterations {
            let isBegun = iteration == centres.count
            if let current, !isBegun { try journal.append(StructuralSearch.line("centre", current)) }
            let found = try search(
                isBegun ? Array(lines[begin...]) : [], iteration: iteration, from: current, measure: &measure,
                options: options, searched: searched
            ) { progress((Double(iteration) + $0) / Double(structure.iterations)) }
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
            guard let file = files[subLayer],
                let candidate = try CandidateFile.read(file, level: level, device: context.decoder.device)
            else {
                throw Fault(
                    .badData, "a candidate of the supernet is missing", place: "block \(subLayer.layer)",
                    advice: "start the run again with --overwrite")
            }
            return candidate
        }
        // Costs are measured before the search's model is in memory.
        var start: DistributionSearch.Start?
        if !structure.isUniform {
            start = try self.start(space, kept, centre, options, lines) { () throws(Fault) in
                try costs(kept, Array(searched.prefix(options.measured)), progress: { progress(0.2 + 0.32 * $0) }) {
                    (dense, subLayer, level) throws(Fault) in
                    let found = try candidate(subLayer, level)
                    let isAttention = subLayer.kind == .attention
                    return dense.compacted(attention: isAttention ? found : nil, mlp: isAttention ? nil : found)
                }
            }
            Machine.returnFreedMemory()
        }
        let tokens = context.calibration?.tokens
        let model = try SearchModel(
            Passage(BlockSource(context.decoder, dtype: context.compute), compute: context.compute),
            tokens: searched.compactMap { row in tokens.map { Array($0[row]) } },
            samples: options.stages.map(\.samples),
            lanes: SearchModel.Lanes(
                dtype: context.run.streamDType, place: context.run.statesPlace, batch: context.batch)
        ) { (dense, attention, mlp) throws(Fault) in
            let layer = dense.geometry.layer
            return dense.compacted(
                attention: try candidate(SubLayer(layer: layer, kind: .attention), attention),
                mlp: try candidate(SubLayer(layer: layer, kind: .mlp), mlp))
        }
        model.use(memory: context.run.memoryLeft)
        let search = DistributionSearch(
            model: model, space: space, options: options, seed: context.settings.seed &+ UInt64(iteration),
            journal: journal, events: events
        ) { progress(0.2 + 0.8 * $0) }
        let committed = lines.compactMap(DistributionSearch.Step.init(json:))
        let steps: [DistributionSearch.Step]
        if let start {
            steps = try search.run(committed: committed, from: start)
        } else {
            let areAlike = Set(configuration.blueprint.layers).count <= 1
            steps = try UniformSearch(search: search, kept: kept, dropsLayers: areAlike)
                .run(committed: committed.count)
        }
        guard let genome = steps.last?.genome else { return (steps, configuration.layers) }
        var shapes = configuration.layers
        for (gene, subLayer) in subLayers.enumerated() {
            shapes[subLayer.layer].set(subLayer.kind, from: kept[gene][genome[gene]].shape)
        }
        return (steps, shapes)
    }

    /// At the distribution that the levels are around, else at uniform or at what is measured.
    private func start(
        _ space: SearchSpace, _ kept: [[KeptUnits]], _ centre: [LayerShape]?, _ options: SearchOptions,
        _ lines: [JSONValue], costs: () throws(Fault) -> [[Double]]
    ) throws(Fault) -> DistributionSearch.Start {
        if let centre {
            return .found(
                subLayers.indices.map { gene in
                    let found = centre[subLayers[gene].layer].part(subLayers[gene].kind)
                    let most = configuration.parameterCount(found)
                    return kept[gene].firstIndex { $0.parameters(configuration) <= most } ?? kept[gene].count - 1
                })
        }
        guard options.measured > 0 else { return .uniform(space.uniform) }
        let isMade = lines.contains { DistributionSearch.Step(json: $0)?.kind == DistributionSearch.Start.step }
        return .measured(uniform: space.uniform, costs: isMade ? nil : try costs())
    }

    /// What every level of every sub-layer costs by itself.
    private func costs(
        _ kept: [[KeptUnits]], _ searched: [Int], progress: (Double) -> Void,
        block: (Block, SubLayer, Int) throws(Fault) -> Block
    ) throws(Fault) -> [[Double]] {
        let tokens = try context.requireTokens()
        let found = try context.run.divergenceCosts(tokens, samples: searched, seed: context.settings.seed) {
            progress(0.2 * $0)
        }
        .replacements { layer in
            (kept[2 * layer].count - 1, kept[2 * layer + 1].count - 1)
        } progress: {
            progress(0.2 + 0.8 * $0)
        } replacement: { (dense, isAttention, index) throws(Fault) in
            let kind: SubLayer.Kind = isAttention ? .attention : .mlp
            return try block(dense, SubLayer(layer: dense.geometry.layer, kind: kind), index + 1)
        }
        return found.flatMap { [[0] + $0.attention, [0] + $0.mlp] }
    }

    /// What stays of every sub-layer at each level; the candidates are in files.
    private func supernet(
        _ lines: [JSONValue], iteration: Int, around centre: [LayerShape]?, progress: @escaping (Double) -> Void
    ) throws(Fault) -> [[KeptUnits]] {
        events(.note("making the candidates of \(subLayers.count) sub-layers"))
        let committed = try staging.committed(lines, kind: "candidates")
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

    mutating func set(_ kind: SubLayer.Kind, from part: LayerShape) {
        switch kind {
        case .attention: (headCount, keyValueHeadCount) = (part.headCount, part.keyValueHeadCount)
        case .mlp: intermediateSize = part.intermediateSize
        }
    }
}

extension LatencyTable {
    var line: JSONValue { .object(["kind": .string("latency"), "table": json]) }

    fileprivate init?(journal line: JSONValue) {
        guard line.objectValue?["kind"]?.stringValue == "latency", let table = line.objectValue?["table"] else {
            return nil
        }
        self.init(json: table)
    }
}
