import Decoders
import Faults
import Pruning
import Recipes
import Records
import Runs

/// Holds a published folder's weights against what its run wrote down.
package struct ReportCheck {
    let record: PruningRecord
    let opened: OpenedModel

    private var configuration: DecoderConfiguration { opened.configuration }

    /// What was compared, and what was found.
    package struct Finding: Equatable {
        /// Pruned linears, their weights and the zeros among them.
        package var linears = 0
        package var weights = 0
        package var zeros = 0
        /// Zeros that the method had to make; nil where the report does not say how many.
        package var asked: Int?
        /// Where the method counts them: "in every row".
        package var groups: String?
        /// Sentences.
        package var compared: [String] = []

        /// Whether there are no zeros beyond those that were asked for.
        package var isExact: Bool? { asked.map { $0 == zeros } }
    }

    /// - Throws: `badData` that names the weight, or the key of the report, that is not as the other says.
    func run(_ reporter: any Reporter) throws(Fault) -> Finding {
        var finding = Finding()
        let demands = try demands()
        let counts = try counts(demands, reporter)
        if let structure = record.structure {
            guard record.pattern == .units else {
                throw Fault(
                    .badData, "the report has a structure, but a different pattern", file: record.path,
                    place: "key '\(ReportKey.pattern.rawValue)'", found: record.pattern.text,
                    expected: PatternChoice.units.text)
            }
            try checkShapes(structure)
            finding.compared.append(
                "heads, widths and parameters of \(Amount.count(structure.layers.count, "layer")) with report.json and "
                    + "config.json")
        } else {
            guard record.pattern != .units else {
                throw Fault(
                    .badData, "the report names the pattern structured, but no structure", file: record.path,
                    place: "key '\(ReportKey.structure.rawValue)'")
            }
            try checkZeros(counts, demands, &finding)
            let linears = configuration.blueprint.layers.reduce(0) { $0 + $1.linears.count }
            finding.compared.append(
                "zeros and weights of \(Amount.count(linears, "linear layer")), "
                    + "parameters and sparsity with report.json")
        }
        for name in record.linears {
            finding.linears += 1
            finding.weights += counts[name]?.elements ?? 0
            finding.zeros += counts[name]?.zeros ?? 0
        }
        if record.settings != nil {
            finding.compared.append("method, pattern, sparsity and calibration texts with recipe.yaml")
        }
        return finding
    }

    // MARK: Zeros

    private struct Count {
        var elements: Int
        var zeros: Int
        var shortfall: ZeroDemand.Shortfall?
    }

    /// Reads every linear once.
    private func counts(
        _ demands: [String: ZeroDemand], _ reporter: any Reporter
    ) throws(Fault) -> [String: Count] {
        let pruned = Set(record.linears)
        var counts: [String: Count] = [:]
        reporter.begin("counting zeros", total: Double(configuration.layerCount), unit: "blocks")
        for layer in 0..<configuration.layerCount {
            for linear in configuration.linears(layer: layer) {
                let name = linear.weightName(layer: layer)
                let values = try opened.checkpoint.floats(name)
                let bad = values.count { !$0.isFinite }
                guard bad == 0 || !pruned.contains(name) else {
                    throw Fault(
                        .badData, "a pruned weight holds values that are NaN or infinite", file: record.path,
                        place: "tensor '\(name)'", found: "\(bad) of \(values.count)")
                }
                counts[name] = Count(
                    elements: values.count, zeros: values.count { $0 == 0 },
                    shortfall: demands[name]?.shortfall(in: values))
            }
            reporter.advance(by: 1)
        }
        reporter.finish()
        for name in record.linears where counts[name] == nil {
            throw Fault(
                .badData, "a pruned weight that the report names is missing", file: record.path,
                place: "tensor '\(name)'")
        }
        return counts
    }

    /// What the method promised of every pruned weight, by name; empty where that is not known.
    private func demands() throws(Fault) -> [String: ZeroDemand] {
        guard record.structure == nil, let settings = record.settings else { return [:] }
        let goals: [Goals]
        do throws(Fault) { goals = try PruneTargets(settings, configuration: configuration).goals } catch {
            throw Fault(
                .badData, "the recipe does not match the model: \(error.summary)", file: record.path,
                place: error.place,
                found: error.found, expected: error.expected)
        }
        let group = try MethodRegistry.standard.action(settings).group
        var demands: [String: ZeroDemand] = [:]
        for (layer, goals) in goals.enumerated() {
            let asked = record.blocks.first { $0.index == layer }?.asked ?? []
            for (linear, goal) in goals {
                var goal = goal
                if settings.allocation != .uniform {
                    guard let fraction = asked.first(where: { $0.linear == linear.rawValue })?.fraction else {
                        continue
                    }
                    do throws(Fault) { goal = try goal.with(sparsity: fraction) } catch {
                        throw Fault(
                            .badData, error.summary, file: record.path,
                            place: "key '\(ReportKey.blocks.rawValue)[\(layer)].\(ReportKey.asked.rawValue)'",
                            found: error.found, expected: error.expected)
                    }
                }
                let shape = configuration.shape(of: linear, layer: layer)
                demands[linear.weightName(layer: layer)] = ZeroDemand(
                    goal, group: group, rows: shape.out, columns: shape.in)
            }
        }
        return demands
    }

    private func checkZeros(
        _ counts: [String: Count], _ demands: [String: ZeroDemand], _ finding: inout Finding
    ) throws(Fault) {
        if let settings = record.settings {
            // The same expressions choose the same linears.
            let names = try PruneTargets(settings, configuration: configuration).weightNames()
            try record.expect(ReportKey.linears.rawValue, names: record.linears, names)
        }
        try record.expect(
            ReportKey.blocks.rawValue, "\(record.blocks.count) blocks", "\(configuration.layerCount) blocks")
        let pruned = Set(record.linears)
        var (removed, weights) = (0, 0)
        for (layer, block) in record.blocks.enumerated() {
            let key = "\(ReportKey.blocks.rawValue)[\(layer)]"
            try record.expect("\(key).\(ReportKey.index.rawValue)", "\(block.index)", "\(layer)")
            var (blockRemoved, blockWeights) = (0, 0)
            let linears = configuration.blueprint.layers[layer].linears
            try record.expect(
                "\(key).\(ReportKey.sparsity.rawValue)", names: block.sparsity.map(\.linear), linears.map(\.rawValue))
            for (linear, reported) in zip(linears, block.sparsity) {
                let name = linear.weightName(layer: layer)
                guard let count = counts[name] else { continue }
                let fraction = Double(count.zeros) / Double(count.elements)
                guard fraction == reported.fraction else {
                    throw Fault(
                        .badData, "a weight does not have the zeros that its report counts", file: record.path,
                        place: "tensor '\(name)'",
                        found: "\(count.zeros) zeros of \(count.elements) (\(fraction))",
                        expected: "\(reported.fraction)",
                        advice: "report or weights were changed after the run: copy the folder again, or repeat the run"
                    )
                }
                guard pruned.contains(name) else { continue }
                if let short = count.shortfall, let demand = demands[name] { throw fewer(name, short, demand.group) }
                blockRemoved += count.zeros
                blockWeights += count.elements
            }
            try record.expect("\(key).\(ReportKey.removed.rawValue)", "\(block.removed)", "\(blockRemoved)")
            try record.expect("\(key).\(ReportKey.weights.rawValue)", "\(block.weights)", "\(blockWeights)")
            removed += blockRemoved
            weights += blockWeights
        }
        try record.expect(
            ReportKey.path(.sparsity, .achieved), "\(record.achieved)",
            "\(weights > 0 ? Double(removed) / Double(weights) : 0)")
        let parameters = Decoder.expectedTensors(configuration).reduce(0) { $0 + $1.shape.reduce(1, *) }
        try record.expect(ReportKey.path(.parameters, .before), "\(record.parametersBefore)", "\(parameters)")
        try record.expect(ReportKey.path(.parameters, .after), "\(record.parametersAfter)", "\(parameters - removed)")
        if !demands.isEmpty, pruned.allSatisfy({ demands[$0] != nil }) {
            finding.asked = demands.values.reduce(0) { $0 + $1.total }
            finding.groups = demands.values.first?.group.words
        }
    }

    private func fewer(_ name: String, _ short: ZeroDemand.Shortfall, _ group: ZeroDemand.Group) -> Fault {
        let isKernel = if case .run = group { true } else { false }
        return Fault(
            .badData, "the zeros of a weight break the pattern of its report", file: record.path,
            place: "tensor '\(name)'", found: "\(short.found) zeros",
            expected: "at least \(short.expected) \(group.words)",
            advice: "repeat the run"
                + (isKernel ? "; this folder must not be served by a kernel that relies on the pattern" : ""))
    }

    // MARK: Shapes

    private func checkShapes(_ structure: PruningRecord.Structure) throws(Fault) {
        let c = configuration
        func words(_ layers: [LayerShape]) -> [String] {
            layers.map {
                "\($0.headCount) heads, \($0.keyValueHeadCount) key-value heads, width \($0.intermediateSize)"
            }
        }
        let isCompact = opened.checkpoint.configuration["model_type"]?.stringValue == CompactConfiguration.modelType
        try record.expect(ReportKey.path(.structure, .plain), "\(structure.isPlain)", "\(!isCompact)")
        // A plain model's layers are numbered anew after one that is gone.
        let left = structure.layers.filter { !structure.isPlain || $0.hasAttention || $0.hasMLP }
        try record.expect(ReportKey.path(.structure, .layers), names: words(left), words(c.layers))
        let names = (0..<c.layerCount).flatMap { layer in
            c.linears(layer: layer).map { $0.weightName(layer: layer) }
        }
        try record.expect(ReportKey.linears.rawValue, names: record.linears, names)

        try record.expect(
            ReportKey.blocks.rawValue, "\(record.blocks.count) blocks", "\(structure.layers.count) blocks")
        for (layer, (block, shape)) in zip(record.blocks, structure.layers).enumerated() {
            let key = "\(ReportKey.blocks.rawValue)[\(layer)]"
            try record.expect("\(key).\(ReportKey.index.rawValue)", "\(block.index)", "\(layer)")
            try record.expect(
                key + ".weights less .removed", "\(block.weights - block.removed)", "\(c.parameterCount(shape))")
            try checkShares(block, shape, key)
        }
        let (weights, removed) = record.blocks.reduce((0, 0)) { ($0.0 + $1.weights, $0.1 + $1.removed) }
        try record.expect(
            ReportKey.path(.sparsity, .achieved), "\(record.achieved)",
            "\(structure.before > 0 ? 1 - Double(structure.after) / Double(structure.before) : 0)")
        if structure.budget == Budget.parameters.text {
            try record.expect(ReportKey.path(.structure, .budget, .before), "\(structure.before)", "\(weights)")
            try record.expect(ReportKey.path(.structure, .budget, .after), "\(structure.after)", "\(weights - removed)")
        }
        if structure.budget == Budget.keyValueCache.text {
            let left = structure.layers.reduce(0) { $0 + 4 * $1.keyValueHeadCount * c.headDimension }
            try record.expect(ReportKey.path(.structure, .budget, .after), "\(structure.after)", "\(left)")
        }
        // The norms of what is gone are not written, and not counted as removed.
        let norms = structure.layers.reduce(0) { sum, shape in
            sum + (shape.hasAttention ? 0 : c.normCount(isAttention: true))
                + (shape.hasMLP ? 0 : c.normCount(isAttention: false))
        }
        let written = Decoder.expectedTensors(c).reduce(0) { $0 + $1.shape.reduce(1, *) }
        try record.expect(ReportKey.path(.parameters, .after), "\(record.parametersAfter)", "\(written + norms)")
        try record.expect(
            ReportKey.path(.parameters, .before), "\(record.parametersBefore)", "\(written + norms + removed)")
    }

    /// A linear's share that is gone leaves what it has now of a whole number of weights.
    private func checkShares(_ block: BlockReport, _ shape: LayerShape, _ key: String) throws(Fault) {
        // Of any layer: those of a plain model may be numbered anew.
        let linears = configuration.linears
        try record.expect(
            "\(key).\(ReportKey.sparsity.rawValue)", names: block.sparsity.map(\.linear), linears.map(\.rawValue))
        for (linear, share) in zip(linears, block.sparsity) {
            let size = configuration.shape(of: linear, in: shape)
            let left = Double(size.out * size.in)
            let whole = share.fraction < 1 ? (left / (1 - share.fraction)).rounded() : left
            try record.expect(
                key + ".sparsity.\(linear.rawValue)", "\(share.fraction)", "\(1 - left / max(1, whole))")
        }
    }
}

extension PruningRecord {
    fileprivate func expect(_ key: String, names found: [String], _ expected: [String]) throws(Fault) {
        guard found != expected else { return }
        let place = zip(found, expected).enumerated().first { $1.0 != $1.1 }
        if let place { return try expect("\(key)[\(place.offset)]", place.element.0, place.element.1) }
        try expect(key, "\(found.count) entries", "\(expected.count)")
    }
}
