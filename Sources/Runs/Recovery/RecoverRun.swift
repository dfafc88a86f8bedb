import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Publishing
import Recipes
import Records
import Recovery
import Torch

/// A recovery from settled context to published folder.
///
/// Its journal has a line for every check: after so many steps the held-out sequences are looked at, and the masters
/// and moments of all layers are on the disk. A killed run goes on from the last of them, and makes the same bytes.
public struct RecoverRun {
    public let context: RecoverContext
    private let events: EventHandler

    public init(_ context: RecoverContext, events: @escaping EventHandler = { _ in }) {
        self.context = context
        self.events = events
    }

    private static func inputs(_ settings: RecoverSettings) -> [String] {
        [settings.model] + (settings.teacher.map { [$0] } ?? [])
    }

    /// Checks where the output would go, as far as it can be told from the settings.
    public static func check(_ settings: RecoverSettings) throws(Fault) {
        try OutputPlace(settings.requiredOutput(), overwrite: settings.overwrite)
            .check(inputs: inputs(settings), bytes: 0)
    }

    /// Whether a staging folder's journal is that of a recovery.
    public static func isRecovery(output: String) -> Bool {
        let path = FileSystem.joined(OutputPlace(output).staging, Journal.fileName)
        guard let first = try? Journal.read(path).first else { return false }
        return first.objectValue?["kind"]?.stringValue == RecoverRecord.kind
    }

    /// The settings of an interrupted run.
    ///
    /// - Throws: `badData` when the journal was not written by this version.
    public static func interrupted(output: String) throws(Fault) -> RecoverSettings {
        let place = OutputPlace(output, overwrite: true)
        let path = FileSystem.joined(place.staging, Journal.fileName)
        guard let first = try Journal.read(path).first, let record = RecoverRecord(json: first) else {
            throw Fault(
                .badData, "the journal was not written by this version", file: path,
                advice: "start the run again with --overwrite")
        }
        do throws(Fault) {
            var recipe = try RecoverRecipe(yaml: record.recipe, file: path).resolvingPaths(in: place.output)
            recipe.output = output
            return try recipe.resolved()
        } catch {
            var fault = error.inFile(path)
            if fault.kind == .badRecipe || fault.kind == .usage { fault.kind = .badData }
            throw fault
        }
    }

    /// Runs from the start.
    ///
    /// - Throws: `Fault`; after the first check the run can be resumed.
    public func start() throws(Fault) -> RecoverResult {
        let settings = context.settings
        let place = OutputPlace(try settings.requiredOutput(), overwrite: settings.overwrite)
        let staging = try StagingFolder.begin(
            place, inputs: RecoverRun.inputs(settings), bytes: context.stagingBytes)
        var journal: Journal?
        do throws(Fault) {
            let lines = try Journal(staging.path(of: Journal.fileName))
            try lines.append(try context.record().json)
            journal = lines
            events(.resumable)
            return try RecoverWork(context, staging, lines, events).finish([])
        } catch {
            let goesOn = error.kind == .interrupted || error.kind == .deviceUnavailable
            if journal == nil || journal?.count == 1 && !goesOn { staging.discard() }
            throw error
        }
    }

    /// Continues after the last check.
    public func resume() throws(Fault) -> RecoverResult {
        let place = OutputPlace(try context.settings.requiredOutput(), overwrite: true)
        guard case .unfinished(let staging) = try StagingFolder.resume(place) else {
            throw Fault(.usage, "the run is already finished", file: place.output)
        }
        let path = staging.path(of: Journal.fileName)
        let contents = try Journal.contents(path)
        guard let first = contents.lines.first, let record = RecoverRecord(json: first) else {
            throw Fault(.badData, "the journal was not written by this version", file: path)
        }
        try context.record().checkContinues(record, file: path)
        if contents.tornBytes > 0 {
            events(
                .warning(
                    "\(path): the last line is incomplete (\(contents.tornBytes) bytes) after a crash; what it "
                        + "recorded is done again"))
        }
        let journal = try Journal(path, behind: contents)
        events(.resumable)
        return try RecoverWork(context, staging, journal, events)
            .finish(try JournalLine.all(Array(contents.lines.dropFirst()), file: path))
    }
}
