import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Pruning
import Publishing
import Recipes
import Torch

/// A prune run from settled context to published folder.
public struct PruneRun {
    public let context: PruneContext
    private let events: EventHandler

    public init(_ context: PruneContext, events: @escaping EventHandler = { _ in }) {
        self.context = context
        self.events = events
    }

    /// The name of the file in a staging folder from which `resume` learns what the run is.
    static let journalName = Journal.fileName

    /// Checks where the output would go, as far as it can be told from the settings.
    public static func check(_ settings: PruneSettings) throws(Fault) {
        try settings.checkOffload()
        try OutputPlace(settings.requiredOutput(), overwrite: settings.overwrite)
            .check(inputs: [settings.model], bytes: 0)
    }

    /// Checks where the output would go and whether there is room; before any long work.
    ///
    /// - Parameter continuing: whether an interrupted run is continued.
    public static func check(_ context: PruneContext, continuing: Bool = false) throws(Fault) {
        let settings = context.settings
        try OutputPlace(settings.requiredOutput(), overwrite: settings.overwrite || continuing)
            .check(inputs: [settings.model], bytes: context.stagingBytes, continuing: continuing)
    }

    /// Runs from the start.
    ///
    /// - Throws: `Fault`; after the first committed block the run can be resumed.
    public func start() throws(Fault) -> RunResult {
        let settings = context.settings
        let place = OutputPlace(try settings.requiredOutput(), overwrite: settings.overwrite)
        return try StagedRun.start(place, inputs: [settings.model], bytes: context.stagingBytes, events: events) {
            () throws(Fault) in
            try context.run.record().json
        } work: { (staging, journal) throws(Fault) in
            try finish(staging, journal, recipe: context.run.settings.recipe, committed: [])
        }
    }

    /// The settings of an interrupted run, or nil when its output is already published.
    ///
    /// - Throws: `missingInput` when there is neither.
    public static func interrupted(
        output: String, methods: MethodRegistry = .standard
    ) throws(Fault) -> PruneSettings? {
        // A killed run may have had an old output still to move aside.
        let place = OutputPlace(output, overwrite: true)
        guard case .unfinished(let staging) = try StagingFolder.resume(place) else { return nil }
        let path = staging.path(of: journalName)
        guard let first = try Journal.read(path).first else {
            // Killed before the first line, or after the last.
            if staging.isRecorded {
                try staging.publishRecorded()
                return nil
            }
            throw Fault(
                .missingInput, "the interrupted run had not started its work", file: staging.path,
                advice: "start it again with `espalier prune`")
        }
        guard let record = RunRecord(json: first) else {
            throw Fault(
                .badData, "the journal was not written by this version", file: path,
                advice: "start the run again with --overwrite")
        }
        do throws(Fault) {
            var recipe = try PruneRecipe(yaml: record.recipe, file: path).resolvingPaths(in: place.output)
            recipe.output = output
            recipe.threads = record.threads
            // A run that a processor began did not write its number down; another sums in another order.
            recipe.batchTokens = recipe.batchTokens ?? BatchSize.processor
            var settings = try recipe.resolved(methods)
            // A run that named no moves began when there were none.
            if settings.channelMoves != nil, recipe.channelMoves == nil { settings.channelMoves = ChannelMoves.none }
            return settings
        } catch {
            // Nobody wrote this recipe by hand: it is a part of the journal.
            var fault = error.inFile(path)
            if fault.kind == .badRecipe || fault.kind == .usage { fault.kind = .badData }
            throw fault
        }
    }

    /// Continues after the last committed block.
    public func resume() throws(Fault) -> RunResult {
        let place = OutputPlace(try context.settings.requiredOutput(), overwrite: true)
        let run = try StagedRun.Interrupted(place)
        let (staging, path, lines) = (run.staging, run.path, run.lines)
        let record = try run.record(RunRecord.init(json:))
        try context.run.record().checkContinues(record, file: path)
        let journal = try run.journal(events)
        let structural = context.settings.structure.map {
            StructuralSearch(
                context: context, structure: $0, staging: staging, journal: journal, events: events, progress: { _ in })
        }
        try JournalCheck(
            context: context, staging: staging, lines: try JournalLine.all(lines, file: path)
        ).run(structural)
        events(.resumable)
        return try finish(staging, journal, recipe: record.recipe, committed: lines)
    }

    /// The sparsity of every linear, where the settings ask for other than the same: found once, then in the journal.
    private func allocation(
        _ pruner: any BlockPruner, _ staging: StagingFolder, _ journal: Journal, lines: [JSONValue]
    ) throws(Fault) -> SparsityAllocation? {
        let kind = context.settings.allocation
        guard kind != .uniform else { return nil }
        let allocation: SparsityAllocation
        let configuration = context.decoder.configuration
        if let known = lines.compactMap({ SparsityAllocation(json: $0, configuration: configuration) }).first {
            allocation = known
        } else {
            let share = allocationShare(pruner)
            let events = PartialEvents(handler: events, range: 0...share).handle
            allocation =
                kind == .owl
                ? SparsityAllocation(
                    layers: try OutlierAllocation(context, events: events).fractions(), configuration: configuration)
                : try AllocationSearch(
                    context: context, pruner: pruner.candidate, staging: staging, journal: journal, events: events
                ).run(lines)
            try journal.append(allocation.json)
        }
        try AllocationSearch.removeCandidates(staging, layers: context.decoder.configuration.layerCount)
        return allocation
    }

    /// About the share of a run's time that its allocation takes: a small one where blocks are optimised afterwards.
    private func allocationShare(_ pruner: any BlockPruner) -> Double {
        let isOptimised = pruner.work(samples: context.calibration?.tokens.rows ?? 0).updates > 0
        return switch context.settings.allocation {
        case .uniform: 0
        case .owl: isOptimised ? 0.05 : 0.3
        case .search: isOptimised ? 0.25 : 0.6
        }
    }

    private func finish(
        _ staging: StagingFolder, _ journal: Journal, recipe: String, committed lines: [JSONValue]
    ) throws(Fault) -> RunResult {
        let clock = ContinuousClock.now
        var context = context
        context.run.scratch = staging.path
        var result: RunResult
        switch context.action {
        case .masks(let pruner):
            result = try finish(pruner, staging, journal, recipe: recipe, committed: lines)
        case .units(let refit):
            result = try StructuralRun(
                context: context, refit: refit, staging: staging, journal: journal, events: events
            ).finish(recipe: recipe, lines: lines)
        }
        result.seconds = clock.duration(to: .now) / .seconds(1)
        result.peakMemoryBytes = Machine.peakMemoryBytes
        result.peakDeviceMemoryBytes = DeviceMemory.of(context.decoder.device)?.peak
        return result
    }

    private func finish(
        _ pruner: any BlockPruner, _ staging: StagingFolder, _ journal: Journal, recipe: String,
        committed lines: [JSONValue]
    ) throws(Fault) -> RunResult {
        var (context, events) = (context, events)
        let moved = try ChannelOrdering(context, events)?.reordered()
        if let moved { context.run.decoder = moved }
        if let found = try allocation(pruner, staging, journal, lines: lines) {
            context = try context.with(found)
            events = PartialEvents(handler: self.events, range: allocationShare(pruner)...1).handle
        }
        // The recipe is that of the start: resuming fills in the threads that the start had by default.
        let publication = Publication(
            context: context.run, files: context.files, staging: staging, journal: journal, lines: lines,
            keepsCandidates: false, events: events)
        try publication.checkCommitted()
        let reports = try Walk(
            context: context, pruner: pruner, staging: staging, journal: journal, events: events
        ).run(committed: publication.committedReports())
        events(.note("writing the checkpoint"))
        Machine.returnFreedMemory()
        try context.decoder.checkpoint.checkUnchanged()
        let result = RunResult(context: context, blocks: reports, hasMoved: moved != nil)
        try publication.publish(result.documents(context.run, recipe: recipe))
        return result
    }
}
