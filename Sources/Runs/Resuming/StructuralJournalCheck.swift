import Checkpoints
import Decoders
import Faults
import JSONText
import Structure

/// The part of a structural run's journal in front of its blocks: iterations of candidates, a latency table and steps
/// of the search, each but the last closed by the distribution that the next is centred on, and at last the shapes.
///
/// The shapes follow from the last step and the candidates, and are compared with them while the candidates' files are
/// there; when they are gone, the blocks' files have the shapes.
struct StructuralJournalCheck {
    let search: StructuralSearch

    private var configuration: DecoderConfiguration { search.configuration }
    private var subLayers: [SubLayer] { search.subLayers }

    /// What one iteration has so far.
    private struct Iteration {
        var candidates = 0
        var hasLatency = false
        var steps: [DistributionSearch.Step] = []
    }

    /// Takes the lines of the search.
    ///
    /// - Returns: the shapes, or nil where the search is not over.
    func run(_ rest: inout ArraySlice<JournalLine>) throws(Fault) -> [LayerShape]? {
        var iteration = Iteration()
        var number = 0
        var measure = BudgetMeasure(budget: search.structure.budget, files: search.context.files)
        let options = try SearchOptions(
            search.structure, searched: SearchSplit.searched(of: search.samples).count,
            tokens: search.context.calibration?.tokens.columns ?? 0)
        var kept: [[LayerShape]]?
        while let line = rest.popFirst() {
            switch line.kind {
            case "candidates":
                guard iteration.candidates < subLayers.count, iteration.steps.isEmpty, !iteration.hasLatency else {
                    throw line.misplaced(expected: "at most \(subLayers.count) lines of candidates before a search")
                }
                try line.checkFile(named: CandidateFile.name(subLayers[iteration.candidates]))
                iteration.candidates += 1
            case "latency":
                try checkComplete(iteration, line)
                guard measure.budget == .latency, !iteration.hasLatency, iteration.steps.isEmpty else {
                    throw line.misplaced(expected: "a step of the search")
                }
                measure.latency = try latency(line)
                iteration.hasLatency = true
            case "search":
                try checkComplete(iteration, line)
                if iteration.steps.isEmpty { kept = try levels(isLast: !rest.contains { $0.kind == "candidates" }) }
                iteration.steps.append(try step(line, after: iteration.steps, options, kept))
            case "centre":
                try checkComplete(iteration, line)
                guard number + 1 < search.structure.iterations else { throw line.misplaced(expected: "\"shapes\"") }
                _ = try shapes(line, iteration.steps.last, kept, measure: measure, isFilled: false)
                (iteration, number, kept) = (Iteration(), number + 1, nil)
            case "shapes":
                try checkComplete(iteration, line)
                guard number + 1 == search.structure.iterations else { throw line.misplaced(expected: "\"centre\"") }
                return try shapes(line, iteration.steps.last, kept, measure: measure, isFilled: true)
            default: throw line.misplaced(expected: "a line of the search")
            }
        }
        return nil
    }

    private func checkComplete(_ iteration: Iteration, _ line: JournalLine) throws(Fault) {
        guard iteration.candidates == subLayers.count else {
            throw line.misplaced(expected: "\"candidates\" of \(subLayers[iteration.candidates].name)")
        }
    }

    /// The shapes of every sub-layer's candidates, dense first, as their files have them.
    ///
    /// - Parameter isLast: whether no later iteration has begun to write files of the same names.
    /// - Returns: nil where files are gone.
    private func levels(isLast: Bool) throws(Fault) -> [[LayerShape]]? {
        let staging = search.staging
        guard isLast, subLayers.allSatisfy({ staging.contains(CandidateFile.name($0)) }) else { return nil }
        var kept: [[LayerShape]] = []
        for subLayer in subLayers {
            let file = try SafetensorsFile(staging.path(of: CandidateFile.name(subLayer)))
            kept.append(try CandidateFile.shapes(file, subLayer, configuration))
        }
        return kept
    }

    private func step(
        _ line: JournalLine, after steps: [DistributionSearch.Step], _ options: SearchOptions,
        _ kept: [[LayerShape]]?
    ) throws(Fault) -> DistributionSearch.Step {
        let kind = try line.text("step")
        let isUniform = search.structure.isUniform
        let most = [
            ("uniform", isUniform ? UniformSearch.finalists : 1), (DistributionSearch.Start.step, isUniform ? 0 : 1),
            ("round", isUniform ? 0 : options.rounds), ("generation", isUniform ? 0 : options.generations),
        ]
        let order = most.map(\.0)
        guard let place = order.firstIndex(of: kind) else {
            throw line.fault("step", found: "\"\(kind.prefix(60))\"", expected: order.joined(separator: ", "))
        }
        if let before = steps.last.flatMap({ order.firstIndex(of: $0.kind) }), before > place {
            throw line.fault("step", found: "\"\(kind)\" after \"\(order[before])\"", expected: "the search's order")
        }
        guard steps.count(where: { $0.kind == kind }) < most[place].1, place < 2 || !steps.isEmpty else {
            throw line.fault("step", found: "one more \"\(kind)\"", expected: "at most \(most[place].1)")
        }
        // A mean of divergences; rounding may take one of next to nothing below zero.
        let highest = steps.last?.fitness ?? .greatestFiniteMagnitude
        let fitness = try line.number(line.object["fitness"], "fitness", in: -1...max(-1, highest))
        var genome: Genome = []
        for (gene, value) in try line.list("genome", count: subLayers.count).enumerated() {
            let count = kept?[gene].count ?? Int(UInt8.max)
            guard let level = value.integerValue, (0..<count).contains(level) else {
                throw line.fault(
                    "genome", found: "\(value.kindName) at entry \(gene)",
                    expected: "a level from 0 to \(count - 1)")
            }
            genome.append(level)
        }
        return DistributionSearch.Step(kind: kind, fitness: fitness, genome: genome)
    }

    /// Of every layer, within the model's and within the budget.
    private func shapes(
        _ line: JournalLine, _ step: DistributionSearch.Step?, _ kept: [[LayerShape]]?, measure: BudgetMeasure,
        isFilled: Bool
    ) throws(Fault) -> [LayerShape] {
        var shapes: [LayerShape] = []
        for (layer, value) in try line.list("layers", count: configuration.layerCount).enumerated() {
            let dense = configuration.layers[layer]
            guard let shape = LayerShape(values: value), shape.isPart(of: dense) else {
                throw line.fault(
                    "layers", found: "\(value.text(pretty: false).prefix(80)) for layer \(layer)",
                    expected: "heads, key-value heads and neurons up to "
                        + "[\(dense.headCount), \(dense.keyValueHeadCount), \(dense.intermediateSize)]")
            }
            shapes.append(shape)
        }
        guard let kept, let genome = step?.genome else { return shapes }
        var expected = configuration.layers
        for (gene, subLayer) in subLayers.enumerated() {
            expected[subLayer.layer].set(subLayer.kind, from: kept[gene][genome[gene]])
        }
        if isFilled {
            let dense = subLayers.map { measure.size(configuration.layers[$0.layer].part($0.kind)) }
            expected = try search.filled(
                expected, pools: search.pools(dense: dense, measure: measure), measure: measure)
        }
        if let layer = shapes.indices.first(where: { shapes[$0] != expected[$0] }) {
            throw line.fault(
                "layers", found: "\(shapes[layer].values) for layer \(layer)",
                expected: "\(expected[layer].values), as in the last step of the search")
        }
        return shapes
    }

    private func latency(_ line: JournalLine) throws(Fault) -> LatencyTable {
        let dense = configuration.layers
        let (heads, neurons) = (dense.map(\.headCount).max() ?? 0, dense.map(\.intermediateSize).max() ?? 0)
        guard let value = line.object["table"], let table = LatencyTable(json: value), let rows = value.arrayValue,
            rows.allSatisfy({ row in
                guard let values = row.arrayValue?.compactMap(\.integerValue), values.count == 4 else { return false }
                return (0...heads).contains(values[0]) && (0...values[0]).contains(values[1])
                    && (0...neurons).contains(values[2]) && (1...(1 << 40)).contains(values[3])
            })
        else {
            throw line.fault(
                "table", found: line.object["table"]?.kindName ?? "nothing",
                expected: "rows of heads, key-value heads, neurons and nanoseconds")
        }
        return table
    }
}

extension LayerShape {
    /// As a journal has it.
    fileprivate var values: [Int] { [headCount, keyValueHeadCount, intermediateSize] }

    fileprivate init?(values json: JSONValue) {
        guard let values = json.arrayValue, values.count == 3, let heads = values[0].integerValue,
            let keys = values[1].integerValue, let neurons = values[2].integerValue
        else { return nil }
        self.init(headCount: heads, keyValueHeadCount: keys, intermediateSize: neurons)
    }

    /// Whether a layer can be cut down to it from another.
    fileprivate func isPart(of dense: LayerShape) -> Bool {
        guard (0...dense.intermediateSize).contains(intermediateSize), (0...dense.headCount).contains(headCount),
            (0...dense.keyValueHeadCount).contains(keyValueHeadCount)
        else { return false }
        return keyValueHeadCount == 0 ? headCount == 0 : headCount > 0 && headCount % keyValueHeadCount == 0
    }
}
