import Checkpoints
import Faults
import JSONText
import Pruning
import Recipes

/// A prune run from settled context to published folder.
public struct PruneRun {
    public let context: RunContext
    private let events: EventHandler

    public init(_ context: RunContext, events: @escaping EventHandler = { _ in }) {
        self.context = context
        self.events = events
    }

    /// The name of the file in a staging folder from which `resume` learns what the run is.
    static let journalName = Journal.fileName

    /// Checks where the output would go, as far as it can be told from the settings.
    public static func check(_ settings: PruneSettings) throws(Fault) {
        try OutputPlace(settings.requiredOutput(), overwrite: settings.overwrite)
            .check(inputs: [settings.model], bytes: 0)
    }

    /// Checks where the output would go and whether there is room; before any long work.
    public static func check(_ context: RunContext) throws(Fault) {
        let settings = context.settings
        try OutputPlace(settings.requiredOutput(), overwrite: settings.overwrite)
            .check(inputs: [settings.model], bytes: context.stagingBytes)
    }

    /// Runs from the start.
    ///
    /// - Throws: `Fault`; after the first committed block the run can be resumed.
    public func start() throws(Fault) -> RunResult {
        let settings = context.settings
        let place = OutputPlace(try settings.requiredOutput(), overwrite: settings.overwrite)
        let staging = try StagingFolder.begin(place, inputs: [settings.model], bytes: context.stagingBytes)
        var record = try context.record()
        let journal = try Journal(staging.path(of: PruneRun.journalName))
        var run = self
        if settings.allocation == .owl {
            let fractions = try OutlierAllocation(context, events: events).fractions()
            record.fractions = fractions
            run = PruneRun(try context.with(fractions: fractions), events: events)
        }
        try journal.append(record.json)
        return try run.finish(staging, journal, recipe: record.recipe, committed: [])
    }

    /// The settings of an interrupted run, or nil when its output is already published.
    ///
    /// - Throws: `missingInput` when there is neither.
    public static func interrupted(output: String) throws(Fault) -> PruneSettings? {
        guard case .unfinished(let staging) = try StagingFolder.resume(OutputPlace(output)) else { return nil }
        let path = staging.path(of: journalName)
        guard let first = try Journal.read(path).first else {
            // Killed before the first line, or after the last: both are settled by `resume`.
            if staging.contains(Publication.reportName) { try staging.publish(); return nil }
            throw Fault(
                .missingInput, "the interrupted run had not begun its work", file: staging.path,
                advice: "start it again with `espalier prune`")
        }
        guard let record = RunRecord(json: first) else {
            throw Fault(
                .badData, "the journal was not written by this version", file: path,
                advice: "start the run again with --overwrite")
        }
        var recipe = try PruneRecipe(yaml: record.recipe, file: path)
        recipe.output = output
        recipe.threads = record.threads
        return try recipe.resolved()
    }

    /// Continues behind the last committed block.
    public func resume() throws(Fault) -> RunResult {
        let place = OutputPlace(try context.settings.requiredOutput(), overwrite: true)
        guard case .unfinished(let staging) = try StagingFolder.resume(place) else {
            throw Fault(.usage, "the run is already finished", file: place.output)
        }
        let path = staging.path(of: PruneRun.journalName)
        let lines = try Journal.read(path)
        guard let first = lines.first, let record = RunRecord(json: first) else {
            throw Fault(.badData, "the journal was not written by this version", file: path)
        }
        var now = try context.record()
        now.fractions = record.fractions
        try now.checkContinues(record, file: path)
        let context =
            try record.fractions.map { (fractions) throws(Fault) in try self.context.with(fractions: fractions) }
            ?? self.context
        let journal = try Journal(path)
        return try PruneRun(context, events: events)
            .finish(staging, journal, recipe: record.recipe, committed: Array(lines.dropFirst()))
    }

    private func finish(
        _ staging: StagingFolder, _ journal: Journal, recipe: String, committed lines: [JSONValue]
    ) throws(Fault) -> RunResult {
        let clock = ContinuousClock.now
        if context.settings.method == .tyr {
            var result = try StructuralRun(context: context, staging: staging, journal: journal, events: events)
                .finish(recipe: recipe, lines: lines)
            result.seconds = clock.duration(to: .now) / .seconds(1)
            result.peakMemoryBytes = Machine.peakMemoryBytes
            return result
        }
        // The recipe is that of the start: resuming fills in the threads that the start had by default.
        let publication = Publication(
            context: context, files: context.files, staging: staging, journal: journal, recipe: recipe, lines: lines)
        try publication.checkCommitted()
        let reports = try Walk(context: context, staging: staging, journal: journal, events: events)
            .run(committed: publication.committedReports())
        events(.note("writing the checkpoint"))
        Machine.returnFreedMemory()
        try context.decoder.checkpoint.checkUnchanged()
        var result = RunResult(context: context, blocks: reports)
        try publication.publish(result)
        result.seconds = clock.duration(to: .now) / .seconds(1)
        result.peakMemoryBytes = Machine.peakMemoryBytes
        return result
    }
}

extension RunContext {
    /// The same with the sparsity of each layer given.
    func with(fractions: [Double]) throws(Fault) -> RunContext {
        var copy = self
        copy.targets = try PruneTargets(settings, configuration: decoder.configuration, fractions: fractions)
        return copy
    }
}
