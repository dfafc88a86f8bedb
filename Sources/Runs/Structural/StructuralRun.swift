import Checkpoints
import Decoders
import Faults
import JSONText
import Pruning
import Recipes
import Structure
import Torch

/// Týr: a supernet of candidates, a search among them, and a walk that prunes to the distribution that was found.
struct StructuralRun {
    /// The sparsities of a sub-layer in the supernet.
    static let sparsities = (0...16).map { Double($0) / 16 }

    /// About what the candidates take on the disk: on average half of each output matrix at every level.
    static func supernetBytes(_ configuration: DecoderConfiguration) -> Int {
        configuration.layers.reduce(0) { sum, shape in
            let columns = shape.intermediateSize + shape.headCount * configuration.headDimension
            return sum + configuration.hiddenSize * columns * 4 * sparsities.count / 2
        }
    }

    let context: RunContext
    let staging: StagingFolder
    let journal: Journal
    let events: EventHandler

    private var configuration: DecoderConfiguration { context.decoder.configuration }
    private var samples: Int { context.calibration?.tokens.rows ?? 0 }
    /// Every fourth sample is searched on, the others make the candidates.
    static func searched(of samples: Int) -> [Int] {
        samples < 4 ? [samples - 1] : Array(stride(from: 3, to: samples, by: 4))
    }
    /// Samples of the first selection stage: a quarter of those that are searched on.
    static func stage(of searched: Int) -> Int { max(1, (searched + 3) / 4) }

    /// - Parameter lines: the journal's behind the first.
    func finish(recipe: String, lines: [JSONValue]) throws(Fault) -> RunResult {
        var steps = lines.compactMap(DistributionSearch.Step.init(json:))
        var shapes = lines.compactMap(StructuralRun.shapes).first
        if shapes == nil {
            (steps, shapes) = try distribution(lines)
        }
        let files = BlockFiles(
            checkpoint: context.decoder.checkpoint, configuration: configuration, types: context.types,
            compact: configuration.with(layers: shapes ?? configuration.layers))
        let publication = Publication(
            context: context, files: files, staging: staging, journal: journal, recipe: recipe, lines: lines)
        try publication.checkCommitted()
        let reports = try CompactWalk(
            context: context, files: files, staging: staging, journal: journal, events: events
        ) { fraction in progress(0.7 + 0.3 * fraction) }
        .run(committed: publication.committedReports())
        events(.note("writing the checkpoint"))
        Machine.returnFreedMemory()
        try context.decoder.checkpoint.checkUnchanged()
        if !(context.settings.structure?.keepsSupernet ?? false) {
            for subLayer in SubLayer.all(layers: configuration.layerCount) {
                let name = CandidateFile.name(subLayer)
                if staging.contains(name) { try staging.remove(name) }
            }
        }
        let result = RunResult(
            context: context, blocks: reports, search: StructuralReport(steps: steps, files: files))
        try publication.publish(result)
        return result
    }

    private func progress(_ fraction: Double) {
        events(.progress(block: 0, blocks: configuration.layerCount, fraction: fraction))
    }

    /// Supernet and search: the steps, and the shape of every layer.
    private func distribution(
        _ lines: [JSONValue]
    ) throws(Fault) -> (steps: [DistributionSearch.Step], shapes: [LayerShape]?) {
        guard let structure = context.settings.structure else { return ([], nil) }
        let parameters = try supernet(lines)
        let dense = parameters.reduce(0) { $0 + ($1.first ?? 0) }
        let budget = Int((Double(dense) * (1 - context.settings.sparsity.fraction)).rounded(.down))
        let space = SearchSpace(parameters: parameters, budget: budget)
        guard space.least <= budget else {
            throw Fault(
                .usage, "the sparsity cannot be reached", found: context.settings.sparsity.text,
                expected: "at most \(1 - Double(space.least) / Double(dense))", advice: "ask for less")
        }
        events(.note("searching the distribution: \(budget) of \(dense) parameters stay"))
        var files: [SubLayer: SafetensorsFile] = [:]
        for subLayer in SubLayer.all(layers: configuration.layerCount) {
            files[subLayer] = try SafetensorsFile(staging.path(of: CandidateFile.name(subLayer)))
        }
        func candidate(_ subLayer: SubLayer, _ level: Int) throws(Fault) -> Candidate {
            guard let file = files[subLayer], let candidate = try CandidateFile.read(file, level: level) else {
                throw Fault(
                    .badData, "a candidate of the supernet is missing", place: "block \(subLayer.layer)",
                    advice: "start the run again with --overwrite")
            }
            return candidate
        }
        let search = DistributionSearch(
            model: try searchModel(reader: candidate), space: space,
            effort: DistributionSearch.Effort(structure.effort), seed: context.settings.seed, journal: journal,
            events: events
        ) { fraction in progress(0.15 + 0.55 * fraction) }
        let steps = try structure.isUniform ? search.uniform(lines: lines) : search.run(lines: lines)
        guard let genome = steps.last?.genome else { return (steps, nil) }

        var shapes = configuration.layers
        for (gene, subLayer) in SubLayer.all(layers: configuration.layerCount).enumerated() where genome[gene] > 0 {
            switch try candidate(subLayer, genome[gene]).kept {
            case .heads(let groups):
                shapes[subLayer.layer].headCount = groups.reduce(0) { $0 + $1.queryHeads.count }
                shapes[subLayer.layer].keyValueHeadCount = groups.count
            case .neurons(let neurons): shapes[subLayer.layer].intermediateSize = neurons.count
            }
        }
        shapes = structure.isUniform ? widenedAlike(shapes, budget: budget) : widened(shapes, budget: budget)
        try journal.append(StructuralRun.line(shapes))
        return (steps, shapes)
    }

    /// The candidates' parameters by sub-layer.
    private func supernet(_ lines: [JSONValue]) throws(Fault) -> [[Int]] {
        events(.note("making the candidates of \(2 * configuration.layerCount) sub-layers"))
        var committed: Set<String> = []
        for line in lines where line.objectValue?["kind"]?.stringValue == "candidates" {
            guard let object = line.objectValue, let name = object["file"]?.stringValue,
                let sha256 = object["sha256"]?.stringValue, let bytes = object["bytes"]?.integerValue
            else { continue }
            try staging.check(FileDigest(name: name, sha256: sha256, bytes: bytes))
            committed.insert(name)
        }
        let searched = Set(StructuralRun.searched(of: samples))
        return try SupernetWalk(
            context: context, staging: staging, journal: journal,
            samples: (0..<samples).filter { !searched.contains($0) }, sparsities: StructuralRun.sparsities
        ) { fraction in progress(0.15 * fraction) }.run(committed: committed)
    }

    private func searchModel(reader: @escaping SearchModel.Reader) throws(Fault) -> SearchModel {
        let tokens = context.calibration?.tokens
        let rows = StructuralRun.searched(of: samples).compactMap { row in tokens.map { Array($0[row]) } }
        return try SearchModel(
            context.decoder, compute: context.compute, tokens: rows,
            samples: [StructuralRun.stage(of: rows.count), rows.count], reader: reader)
    }

    /// The shapes with the budget's remainder given to the MLPs, granule by granule, the ones that lost most first.
    private func widened(_ shapes: [LayerShape], budget: Int) -> [LayerShape] {
        let granule = context.settings.structure?.granularity ?? 1
        func total(_ shapes: [LayerShape]) -> Int {
            let compact = configuration.with(layers: shapes)
            return shapes.indices.reduce(0) { $0 + compact.parameterCount(layer: $1) }
        }
        var shapes = shapes
        var room = budget - total(shapes)
        var isGrowing = true
        while isGrowing {
            isGrowing = false
            let order = shapes.indices.filter { shapes[$0].hasMLP }.sorted {
                (shapes[$0].intermediateSize, $0) < (shapes[$1].intermediateSize, $1)
            }
            for layer in order {
                let width = configuration.layers[layer].intermediateSize
                let step = min(granule, width - shapes[layer].intermediateSize)
                guard step > 0 else { continue }
                var next = shapes
                next[layer].intermediateSize += step
                let cost = total(next) - total(shapes)
                guard cost <= room else { continue }
                (shapes, room, isGrowing) = (next, room - cost, true)
            }
        }
        return shapes
    }

    /// The same for all layers at once.
    private func widenedAlike(_ shapes: [LayerShape], budget: Int) -> [LayerShape] {
        let granule = context.settings.structure?.granularity ?? 1
        let most = configuration.layers.map(\.intermediateSize).min() ?? 0
        var shapes = shapes
        while let width = shapes.first?.intermediateSize, width > 0, width + granule <= most {
            let next = shapes.map { shape in
                var wider = shape
                wider.intermediateSize = width + granule
                return wider
            }
            let compact = configuration.with(layers: next)
            guard next.indices.reduce(0, { $0 + compact.parameterCount(layer: $1) }) <= budget else { break }
            shapes = next
        }
        return shapes
    }

    /// The journal's line of the shapes that were found.
    private static func line(_ shapes: [LayerShape]) -> JSONValue {
        .object([
            "kind": .string("shapes"),
            "layers": .array(
                shapes.map {
                    .array([.integer($0.headCount), .integer($0.keyValueHeadCount), .integer($0.intermediateSize)])
                }),
        ])
    }

    private static func shapes(_ line: JSONValue) -> [LayerShape]? {
        guard let object = line.objectValue, object["kind"]?.stringValue == "shapes" else { return nil }
        return object["layers"]?.arrayValue?.compactMap { entry in
            guard let values = entry.arrayValue?.compactMap(\.integerValue), values.count == 3 else { return nil }
            return LayerShape(headCount: values[0], keyValueHeadCount: values[1], intermediateSize: values[2])
        }
    }
}
