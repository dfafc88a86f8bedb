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
        [settings.model] + [settings.teacher, settings.lora?.adapters].compactMap { $0 }
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
        return try StagedRun.start(
            place, inputs: RecoverRun.inputs(settings), bytes: context.stagingBytes, events: events
        ) { () throws(Fault) in
            try context.record().json
        } work: { (staging, journal) throws(Fault) in
            try RecoverWork(context, staging, journal, events).finish([])
        }
    }

    /// Continues after the last check.
    public func resume() throws(Fault) -> RecoverResult {
        let place = OutputPlace(try context.settings.requiredOutput(), overwrite: true)
        let run = try StagedRun.Interrupted(place)
        try context.record().checkContinues(try run.record(RecoverRecord.init(json:)), file: run.path)
        let journal = try run.journal(events)
        events(.resumable)
        return try RecoverWork(context, run.staging, journal, events)
            .finish(try JournalLine.all(run.lines, file: run.path))
    }
}
