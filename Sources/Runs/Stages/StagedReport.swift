import Decoders
import Faults
import JSONText
import Records

/// What a run of several prunings tells in the end, made of what each of them told: all figures are of the model that
/// the first one began with.
public struct StagedReport {
    /// Of the prunings in their order, as `report.json` has them.
    private let reports: [JSONObject]

    /// - Throws: `badData` for a report that no pruning wrote.
    public init(_ reports: [JSONObject]) throws(Fault) {
        self.reports = reports
        for report in reports { _ = try StagedReport.blocks(report) }
    }

    /// Of what the budget counts, the share that is left after all of them; 1 where only zeros were made.
    public var left: Double {
        guard let first = budget(reports.first, .before), let last = budget(reports.last, .after), first > 0 else {
            return 1
        }
        return Double(last) / Double(first)
    }

    private func budget(_ report: JSONObject?, _ key: ReportKey) -> Int? {
        report?[.structure]?.objectValue?[.budget]?.objectValue?[key]?.integerValue
    }

    /// One report of all.
    ///
    /// The errors of blocks and the steps of the search are left out when there were several prunings: they were
    /// measured against the model before the last one.
    ///
    /// - Parameter asked: the sparsity that the run was asked for.
    public func whole(asked: Double) throws(Fault) -> JSONObject {
        guard var whole = reports.last, let first = reports.first, reports.count > 1 else {
            return reports.first ?? JSONObject()
        }
        var achieved = whole[.sparsity]?.objectValue?[.achieved]?.doubleValue ?? 0
        if var structure = whole[.structure]?.objectValue, var counted = structure[.budget]?.objectValue {
            achieved = 1 - left
            counted[.before] = first[.structure]?.objectValue?[.budget]?.objectValue?[.before]
            structure[.budget] = .object(counted)
            let merged = try mergedLayers()
            structure[.layers] = .array(merged.layers)
            whole[.structure] = .object(structure)
            whole[.blocks] = .array(merged.blocks.map { $0.json(timed: false) })
        } else {
            whole[.blocks] = .array(try StagedReport.blocks(whole).map { StagedReport.plain($0).json(timed: false) })
        }
        whole[.sparsity] = .report([.asked: .double(asked), .achieved: .double(achieved)])
        if var parameters = whole[.parameters]?.objectValue {
            parameters[.before] = first[.parameters]?.objectValue?[.before]
            whole[.parameters] = .object(parameters)
        }
        whole[.search] = nil
        return whole
    }

    /// A block's counts alone.
    private static func plain(_ block: BlockReport) -> BlockReport {
        var result = BlockReport(index: block.index)
        (result.sparsity, result.asked) = (block.sparsity, block.asked)
        (result.removed, result.weights) = (block.removed, block.weights)
        return result
    }

    /// Layers by the numbers of the first model, and what became of their weights.
    private func mergedLayers() throws(Fault) -> (layers: [JSONValue], blocks: [BlockReport]) {
        var blocks = try StagedReport.blocks(reports[0]).map(StagedReport.plain)
        var layers = [JSONValue](repeating: .null, count: blocks.count)
        var left = blocks.map { block in block.sparsity.map { (linear: $0.linear, share: 1.0) } }
        /// The first model's layers that a stage still has.
        var alive = Array(blocks.indices)
        for report in reports {
            let (found, isPlain) = try StagedReport.layers(report)
            let own = try StagedReport.blocks(report)
            guard found.count == alive.count, own.count == alive.count else {
                throw StagedReport.fault("\(found.count) layers", expected: "\(alive.count)")
            }
            var next: [Int] = []
            for (place, layer) in alive.enumerated() {
                layers[layer] = found[place]
                blocks[layer].removed = blocks[layer].weights - (own[place].weights - own[place].removed)
                for index in left[layer].indices {
                    let linear = left[layer][index].linear
                    let share = own[place].sparsity.first { $0.linear == linear }?.fraction ?? 1
                    left[layer][index].share *= 1 - share
                }
                // A plain model has no layers without units.
                if !isPlain || StagedReport.hasUnits(found[place]) { next.append(layer) }
            }
            alive = next
        }
        for index in blocks.indices {
            blocks[index].sparsity = left[index].map { linear, share in
                // The quotient of two counts of units, and not of a product of such quotients.
                let units = StagedReport.units(of: linear, in: layers[index])
                let whole = share > 0 ? (Double(units) / share).rounded() : 0
                return (linear, units > 0 ? 1 - Double(units) / whole : 1)
            }
        }
        return (layers, blocks)
    }

    /// The units that a linear has left in a layer of this shape.
    private static func units(of linear: String, in layer: JSONValue) -> Int {
        let key =
            switch LinearName(rawValue: linear) {
            case .q, .o: "num_attention_heads"
            case .k, .v: "num_key_value_heads"
            default: "intermediate_size"
            }
        return layer.objectValue?[key]?.integerValue ?? 0
    }

    private static func layers(_ report: JSONObject) throws(Fault) -> (layers: [JSONValue], isPlain: Bool) {
        guard let structure = report[.structure]?.objectValue, let layers = structure[.layers]?.arrayValue else {
            throw fault("no layers", expected: "the shapes of all layers")
        }
        return (layers, structure[.plain]?.boolValue ?? false)
    }

    private static func hasUnits(_ layer: JSONValue) -> Bool {
        (layer.objectValue?.members ?? []).contains { ($0.value.integerValue ?? 0) > 0 }
    }

    private static func blocks(_ report: JSONObject) throws(Fault) -> [BlockReport] {
        let blocks = (report[.blocks]?.arrayValue ?? []).map(BlockReport.init(json:))
        guard !blocks.isEmpty, blocks.allSatisfy({ $0 != nil }) else {
            throw fault("no blocks", expected: "what became of every block")
        }
        return blocks.compactMap { $0 }
    }

    private static func fault(_ found: String, expected: String) -> Fault {
        Fault(
            .badData, "the report of a stage is not one that a pruning wrote", found: found, expected: expected,
            advice: "start the run again with --overwrite")
    }
}
