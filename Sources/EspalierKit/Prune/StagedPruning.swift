import Faults
import Files
import JSONText
import Pruning
import Publishing
import Recipes
import Records
import Runs
import Torch

/// Who is told of the runs that a run in stages is made of.
public protocol StageObserver: AnyObject {
    /// A pruning begins or continues; its events go to what is returned.
    func pruning(stage: Int, of stages: Int, _ context: PruneContext) -> EventHandler
    func pruned(_ result: RunResult)
    /// The training after it.
    func recovering(stage: Int, of stages: Int, _ context: RecoverContext) -> EventHandler
    func recovered(_ result: RecoverResult)
}

/// `prune --recover N`: prunings with training after each.
///
/// Every pruning and every training is a run of its own, whose output the next one reads; they lie in `OUT.stages`
/// until the last one publishes `OUT`. An interrupted run continues with the run that was at work.
public struct StagedPruning {
    private let settings: PruneSettings
    /// As the output's folder is to have it.
    private let recipe: String
    private let place: OutputPlace
    private let folder: StagesFolder
    /// SHA-256 of what the output said of itself before the run began.
    private let before: String?
    private let reporter: any Reporter
    private let observer: any StageObserver

    // MARK: Beginning and continuing

    /// A new run.
    ///
    /// - Parameters:
    ///   - settings: with `recoverySteps`.
    ///   - reporter: told how the work goes.
    /// - Throws: `outputExists` when the output or stages of it are there and may not be replaced.
    public init(
        starting settings: PruneSettings, reporter: any Reporter, observer: any StageObserver
    ) throws(Fault) {
        try PruneRun.check(settings)
        var settings = settings
        let output = try settings.requiredOutput()
        place = OutputPlace(output, overwrite: settings.overwrite)
        settings.output = place.output
        before = StagedPruning.digest(of: place.output)
        var recipe = settings.recipe().namingPaths(from: place.output)
        (recipe.output, recipe.overwrite) = (nil, nil)
        self.recipe = recipe.yaml()
        var record = JSONObject([("recipe", .string(self.recipe))])
        // A stage that begins on another machine computes with as many threads as the first one did.
        let engine = try EngineSettings(threads: settings.threads, device: settings.device, dtype: settings.dtype)
        settings.threads = engine.threads
        record["threads"] = .integer(engine.threads)
        if let before { record["output_before"] = .string(before) }
        folder = try StagesFolder.begin(place, record: record)
        (self.settings, self.observer) = (settings, observer)
        self.reporter = StageReporter(reporter, stages: folder.path)
    }

    /// An interrupted run.
    private init(
        _ settings: PruneSettings, recipe: String, _ place: OutputPlace, _ folder: StagesFolder, before: String?,
        reporter: any Reporter, observer: any StageObserver
    ) {
        (self.settings, self.recipe, self.place) = (settings, recipe, place)
        (self.folder, self.before) = (folder, before)
        (self.reporter, self.observer) = (StageReporter(reporter, stages: folder.path), observer)
    }

    /// Takes up an interrupted run; nil where there is none for the output.
    ///
    /// - Throws: `outputExists` when it is still going, `badData` when this version did not write it.
    public static func interrupted(
        output: String, reporter: any Reporter, observer: any StageObserver
    ) throws(Fault) -> StagedPruning? {
        let place = OutputPlace(output, overwrite: true)
        guard let (folder, record) = try StagesFolder.resume(place) else { return nil }
        guard let text = record["recipe"]?.stringValue, let threads = record["threads"]?.integerValue else {
            throw Fault(
                .badData, "the record of the stages was not written by this version", file: folder.path,
                advice: "start the run again with --overwrite")
        }
        do throws(Fault) {
            var recipe = try PruneRecipe(yaml: text, file: folder.path).resolvingPaths(in: place.output)
            recipe.output = place.output
            recipe.threads = threads
            return StagedPruning(
                try recipe.resolved(), recipe: text, place, folder, before: record["output_before"]?.stringValue,
                reporter: reporter, observer: observer)
        } catch {
            // Nobody wrote this recipe by hand: it is a part of the record.
            var fault = error.inFile(folder.path)
            if fault.kind == .badRecipe || fault.kind == .usage { fault.kind = .badData }
            throw fault
        }
    }

    // MARK: The stages

    /// Runs what is still to be run.
    ///
    /// - Throws: `Fault`; the run can be continued.
    public func run() throws(Fault) -> StagedResult {
        do throws(Fault) { return try finish() } catch {
            // Nothing that a next try could build on.
            if try folder.report(of: 1) == nil, isUntouched("1-pruned") { try folder.remove() }
            throw error
        }
    }

    private func isUntouched(_ name: String) -> Bool {
        let output = folder.output(name)
        return !FileSystem.existsUnfollowed(output) && !FileSystem.existsUnfollowed(OutputPlace(output).staging)
    }

    private func finish() throws(Fault) -> StagedResult {
        let clock = ContinuousClock.now
        let count = settings.stages.stages.count
        var earlier: [StageSummary] = []
        for stage in 1..<count {
            if let told = try folder.report(of: stage) {
                earlier.append(try StageSummary(json: told))
                continue
            }
            let pruned = try prune(stage, earlier)
            let output = folder.output("\(stage)")
            if let result = try recover(stage, pruned: pruned, output: output, staged: nil) {
                observer.recovered(result)
            }
            let summary = StageSummary(
                report: try document(pruned, PublishedFile.report),
                recovery: try document(output, PublishedFile.recovery))
            try folder.finish(stage, summary.json)
            earlier.append(summary)
            try folder.removeOutput("\(stage)-pruned")
            if stage > 1 { try folder.removeOutput("\(stage - 1)") }
        }
        // Killed between the output's name and the end, there is nothing left to compute.
        let isDone = isOutputPublished
        let pruned = isDone ? place.output : try prune(count, earlier)
        let staged = try StagedOutput(
            settings, recipe: recipe, earlier: earlier, last: try document(pruned, PublishedFile.report))
        let result = isDone ? nil : try recover(count, pruned: pruned, output: place.output, staged: staged)
        if let result { observer.recovered(result) }
        try folder.remove()
        return StagedResult(
            output: place.output, staged: staged, recovery: result, seconds: clock.duration(to: .now) / .seconds(1))
    }

    /// - Returns: the folder of a stage's pruned model.
    private func prune(_ stage: Int, _ earlier: [StageSummary]) throws(Fault) -> String {
        let output = folder.output("\(stage)-pruned")
        if isPublished(output) { return output }
        let isBegun = try self.isBegun(output)
        if isPublished(output) { return output }
        let own: PruneSettings
        if isBegun, let known = try PruneRun.interrupted(output: output) {
            own = known
        } else {
            own = try settings.pruneRecipe(
                stage: stage - 1, model: stage == 1 ? settings.model : folder.output("\(stage - 1)"), output: output,
                left: try StagedReport(earlier.map(\.report)).left
            ).resolved()
        }
        let context = try PrunePreparation(own, reporter: reporter).context
        try PruneRun.check(context, continuing: isBegun)
        let handler = observer.pruning(stage: stage, of: settings.stages.stages.count, context)
        let run = PruneRun(context) { event in
            // The end of a part is no end.
            if case .publishing = event { return }
            handler(event)
        }
        observer.pruned(isBegun ? try run.resume() : try run.start())
        return output
    }

    /// - Returns: nil where the output was there already.
    private func recover(
        _ stage: Int, pruned: String, output: String, staged: StagedOutput?
    ) throws(Fault) -> RecoverResult? {
        func isDone() -> Bool { staged == nil ? isPublished(output) : isOutputPublished }
        if isDone() { return nil }
        let isBegun = try self.isBegun(output)
        if isDone() { return nil }
        let own =
            isBegun
            ? try RecoverRun.interrupted(output: output)
            : try settings.recoverSettings(
                model: pruned, output: output, overwrite: staged == nil || settings.overwrite)
        var context = try RecoverPreparation(own, reporter: reporter).context
        context.staged = staged
        let handler = observer.recovering(stage: stage, of: settings.stages.stages.count, context)
        let run = RecoverRun(context) { event in
            if case .publishing = event, staged == nil { return }
            handler(event)
        }
        return isBegun ? try run.resume() : try run.start()
    }

    // MARK: What is there

    /// Whether a part has anything that it could continue with; one that lacks nothing but its name gets it.
    private func isBegun(_ output: String) throws(Fault) -> Bool {
        let part = OutputPlace(output, overwrite: true)
        guard let leftover = try part.leftover() else { return false }
        if leftover.committedLines > 0 { return true }
        if case .unfinished(let staging) = try StagingFolder.resume(part), staging.isRecorded {
            try staging.publishRecorded()
        }
        return false
    }

    private func isPublished(_ folder: String) -> Bool { StagedPruning.digest(of: folder) != nil }

    /// Whether this run has published its output: there is another one than before, of this run's recipe.
    private var isOutputPublished: Bool {
        guard let digest = StagedPruning.digest(of: place.output), digest != before,
            let recipe = try? PruneRecipe(contentsOf: FileSystem.joined(place.output, PublishedFile.recipe))
        else { return false }
        return recipe.recoverySteps == settings.recoverySteps && recipe.stageCount == settings.stageCount
            && !FileSystem.existsUnfollowed(place.staging)
    }

    /// Of a published folder's own record; nil where there is none.
    private static func digest(of folder: String) -> String? {
        try? InputFile(FileSystem.joined(folder, PublishedFile.completion), followsLink: false).digest()
    }

    private func document(_ folder: String, _ name: String) throws(Fault) -> JSONObject {
        let path = FileSystem.joined(folder, name)
        do throws(Fault) {
            let value = try JSONValue(parsing: try InputFile(path).contents(limit: 1 << 30))
            guard let object = value.objectValue else {
                throw Fault(.badData, "the document of a stage is not a JSON object", found: value.kindName)
            }
            return object
        } catch { throw error.inFile(path) }
    }
}

/// What a finished run in stages has to tell.
public struct StagedResult {
    public let output: String
    public let staged: StagedOutput
    /// Of the last stage; nil where only the end was missing.
    public let recovery: RecoverResult?
    public let seconds: Double

    /// The document that `prune --recover N --json` prints.
    public var json: JSONValue {
        var object = JSONObject([("output", .string(output))])
        for key in [ReportKey.method, .preset, .pattern, .sparsity, .parameters] { object[key] = staged.report[key] }
        object["stages"] = .array(staged.stages.map(JSONValue.object))
        if let recovery { object["recovery"] = recovery.json }
        object["seconds"] = .double(seconds)
        object[.peakMemoryBytes] = .integer(Machine.peakMemoryBytes)
        return .object(object)
    }
}

/// Says a warning once, however many runs find it, and none of the run's own folders.
private final class StageReporter: Reporter {
    private let other: any Reporter
    private let stages: String
    private var said: Set<String> = []

    init(_ other: any Reporter, stages: String) { (self.other, self.stages) = (other, stages) }

    func begin(_ title: String, total: Double, unit: String) { other.begin(title, total: total, unit: unit) }
    func update(_ completed: Double) { other.update(completed) }
    func advance(by amount: Double) { other.advance(by: amount) }
    func finish() { other.finish() }
    func note(_ text: String) { other.note(text) }
    func detail(_ text: String) { other.detail(text) }
    func warning(_ text: String) {
        if !text.hasPrefix(stages + "/"), said.insert(text).inserted { other.warning(text) }
    }
}
