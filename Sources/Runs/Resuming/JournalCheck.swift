import Checkpoints
import Decoders
import Faults
import JSONText
import Pruning
import Publishing

/// Whether a journal is one that this run can have written: the kinds of its lines and their order, their number, the
/// names of files, and every value that the run continues with. It is read before any of it is used, since whatever it
/// says is otherwise published.
struct JournalCheck {
    let context: PruneContext
    let staging: StagingFolder
    /// The journal's lines after the first.
    let lines: [JournalLine]

    private var configuration: DecoderConfiguration { context.decoder.configuration }

    /// - Throws: `badData` naming the journal, line and key, what was found and what was expected.
    func run(_ structural: StructuralSearch?) throws(Fault) {
        var rest = lines[...]
        var (targets, files) = (context.targets, context.files)
        if context.settings.allocation != .uniform, let allocation = try checkAllocation(&rest) {
            let line = lines[rest.startIndex - 1]
            do throws(Fault) { targets = try context.with(allocation).targets } catch {
                throw line.fault("sparsity", found: error.found ?? error.summary, expected: error.expected ?? "others")
            }
        }
        if let structural {
            guard let shapes = try StructuralJournalCheck(search: structural).run(&rest) else {
                if let line = rest.first { throw line.misplaced(expected: "a line of the search") }
                return
            }
            files = BlockFiles(
                checkpoint: context.decoder.checkpoint, configuration: configuration, types: context.types,
                compact: configuration.with(layers: shapes))
        }
        let blocks = rest.prefix { $0.kind == "block" }
        guard blocks.count <= configuration.layerCount else {
            throw lines[blocks.startIndex + configuration.layerCount].misplaced(
                expected: "at most \(configuration.layerCount) lines of blocks")
        }
        for (layer, line) in blocks.enumerated() {
            try line.checkFile(named: BlockFiles.name(part: layer + 1))
            let goals = structural == nil ? targets.goals[layer] : nil
            try BlockReportCheck(
                line: line, source: configuration, written: files.configuration, layer: layer, goals: goals,
                tellsAsked: structural == nil && context.settings.allocation != .uniform
            ).run()
            try checkTensors(BlockFiles.name(part: layer + 1), files.tensors(part: layer + 1), line)
        }
        let groups = files.groups(shardSize: context.settings.shardSize.bytes)
        let numbering = files.numbering
        for (index, line) in rest.dropFirst(blocks.count).enumerated() {
            guard line.kind == "shard", blocks.count == configuration.layerCount, index < groups.count else {
                throw line.misplaced(
                    expected: blocks.count < configuration.layerCount
                        ? "\"block\" of block \(blocks.count)" : "at most \(groups.count) lines of shards")
            }
            try line.checkFile(named: groups[index].name)
            try checkTensors(
                groups[index].name,
                groups[index].tensors.map { tensor in
                    TensorDescription(
                        name: numbering?.name(tensor.name) ?? tensor.name, shape: tensor.shape, type: tensor.type)
                }, line)
        }
    }

    /// A committed file that is still there holds the tensors that the journal's values call for, in their shapes.
    private func checkTensors(_ name: String, _ expected: [TensorDescription], _ line: JournalLine) throws(Fault) {
        guard staging.contains(name) else { return }
        let file = try SafetensorsFile(staging.path(of: name))
        for tensor in expected {
            let found = file.tensor(tensor.name)
            guard found?.shape == tensor.shape, found?.type.isFloatingPoint == tensor.type.isFloatingPoint else {
                throw line.fault(
                    "file", found: "\(name) with \(found.map { "\($0.shape)" } ?? "no tensor") for \(tensor.name)",
                    expected: "shape \(tensor.shape), as the lines before it require")
            }
        }
        guard file.tensors.count == expected.count else {
            throw line.fault("file", found: "\(file.tensors.count) tensors in \(name)", expected: "\(expected.count)")
        }
    }

    // MARK: The sparsity of every linear

    private func checkAllocation(_ rest: inout ArraySlice<JournalLine>) throws(Fault) -> SparsityAllocation? {
        if context.settings.allocation == .search {
            let candidates = rest.prefix { $0.kind == "candidates" }
            let layers = configuration.layers.indices.filter { !context.targets.goals[$0].isEmpty }
            for (index, line) in candidates.enumerated() {
                guard index < layers.count else {
                    throw line.misplaced(expected: "at most \(layers.count) lines of candidates")
                }
                try line.checkFile(named: SparseCandidateFile.name(layers[index]))
            }
            rest = rest.dropFirst(candidates.count)
            if let line = rest.first, candidates.count < layers.count {
                throw line.misplaced(expected: "\"candidates\" of block \(layers[candidates.count])")
            }
        }
        guard let line = rest.popFirst() else { return nil }
        guard line.kind == "allocation" else { throw line.misplaced(expected: "\"allocation\"") }
        let counts = configuration.blueprint.layers.map(\.linears.count)
        let values = try line.list("sparsity", count: counts.reduce(0, +))
        // The place of the first linear of each entry's layer.
        var firsts: [Int] = []
        for count in counts { firsts += Array(repeating: firsts.count, count: count) }
        let target = context.settings.sparsity.fraction
        let spread =
            context.settings.allocation == .owl ? OutlierAllocation.spread : AllocationSearch.spread
        // A K:M pattern rounds to its own steps.
        let reach = context.settings.pattern.impliedFraction == nil ? spread + 1e-9 : 1
        let range = max(0, target - reach)...min(1, target + reach)
        for (index, value) in values.enumerated() {
            let fraction = try line.number(value, "sparsity", in: range)
            let isSearched = context.settings.allocation == .search
            if !isSearched, values[firsts[index]].doubleValue != fraction {
                throw line.fault(
                    "sparsity", found: "\(fraction) at entry \(index)",
                    expected: "the same for all linear layers of a block")
            }
            guard fraction < 1 else {
                throw line.fault("sparsity", found: "\(fraction)", expected: "a number below 1")
            }
        }
        return SparsityAllocation(json: .object(line.object), configuration: configuration)
    }
}
