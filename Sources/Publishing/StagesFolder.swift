import Checkpoints
import Faults
import Files
import JSONText

/// The folder of a run that is made of several runs, `OUT.stages`: what it is, what its finished stages told, and the
/// outputs of those that the next ones still need. The last run publishes `OUT` itself, and then the folder goes.
///
/// As long as the value lives, no other run can have the same output's stages.
public final class StagesFolder: Sendable {
    public let place: OutputPlace
    private let lock: StagingLock

    /// Says what the run is: the folder's first file, written before any stage.
    static let recordName = "stages.json"
    private static let format = "espalier stages"

    public var path: String { StagesFolder.path(of: place) }

    private static func path(of place: OutputPlace) -> String { place.output + ".stages" }

    private init(_ place: OutputPlace) throws(Fault) {
        self.place = place
        lock = try StagingLock(StagesFolder.path(of: place) + ".lock", output: place.output)
    }

    /// Starts a run.
    ///
    /// - Parameter record: what the run is, for whoever continues it.
    /// - Throws: `outputExists` when stages of this output are there and may not be replaced, or the folder is not a
    ///   run's.
    public static func begin(_ place: OutputPlace, record: JSONObject) throws(Fault) -> StagesFolder {
        let folder = try StagesFolder(place)
        if FileSystem.existsUnfollowed(folder.path) {
            guard FileSystem.kindUnfollowed(folder.path) == .folder, let found = try? folder.record() else {
                throw Fault(
                    .outputExists, "the folder of the stages is not an interrupted run of this output",
                    file: folder.path, advice: "move it away, or choose another output")
            }
            guard place.overwrites || found.isEmpty else {
                throw Fault(
                    .outputExists, "there is an interrupted run of several stages", file: folder.path,
                    advice: "continue with `espalier resume \(ShellWord.quoted(place.output))`, or start over with "
                        + "--overwrite")
            }
            try folder.remove()
        }
        try FileSystem.makeFolder(folder.path)
        var json = JSONObject([("format", .string(format)), ("version", .integer(1))])
        json["output"] = .string(FileSystem.last(place.output))
        json["run"] = .object(record)
        try folder.write(recordName, json)
        try FileSystem.syncFolder(FileSystem.parent(folder.path))
        return folder
    }

    /// Takes up an interrupted run; nil where there is none.
    ///
    /// - Throws: `outputExists` when it is still going, `badData` for a folder that no run of this version wrote.
    public static func resume(_ place: OutputPlace) throws(Fault) -> (folder: StagesFolder, record: JSONObject)? {
        guard FileSystem.kindUnfollowed(path(of: place)) == .folder else { return nil }
        let folder = try StagesFolder(place)
        guard FileSystem.kindUnfollowed(folder.path) == .folder else { return nil }
        return (folder, try folder.record())
    }

    private func record() throws(Fault) -> JSONObject {
        let path = FileSystem.joined(self.path, StagesFolder.recordName)
        let object = try JSONFile.object(path)
        guard object["format"]?.stringValue == StagesFolder.format, object["version"]?.integerValue == 1,
            let output = object["output"]?.stringValue, FileSystem.areSame(output, FileSystem.last(place.output)),
            let run = object["run"]?.objectValue
        else {
            throw Fault(
                .badData, "this is not the folder of an interrupted run of this output", file: path,
                advice: "move the folder away, then start the run again")
        }
        return run
    }

    // MARK: What stands in it

    /// The output of one of the runs.
    public func output(_ name: String) -> String { FileSystem.joined(path, name) }

    /// What a finished stage told; nil for one that is not.
    public func report(of stage: Int) throws(Fault) -> JSONObject? {
        let path = FileSystem.joined(self.path, StagesFolder.reportName(stage))
        return FileSystem.existsUnfollowed(path) ? try JSONFile.object(path) : nil
    }

    public func finish(_ stage: Int, _ report: JSONObject) throws(Fault) {
        try write(StagesFolder.reportName(stage), report)
    }

    private static func reportName(_ stage: Int) -> String { "stage-\(stage).json" }

    private func write(_ name: String, _ json: JSONObject) throws(Fault) {
        let file = try OutputFile(FileSystem.joined(path, name))
        try file.write(Array((JSONValue.object(json).text() + "\n").utf8))
        _ = try file.finish()
    }

    /// Removes the published or unfinished output of one of the runs: files that runs write, and no others.
    public func removeOutput(_ name: String) throws(Fault) {
        let published = OutputPlace(output(name))
        for folder in [published.output, published.staging] where FileSystem.existsUnfollowed(folder) {
            try empty(folder)
            try FileSystem.removeFolder(folder)
        }
        StagingLock.removeStale(published.lock, output: published.output)
    }

    private func empty(_ folder: String) throws(Fault) {
        guard FileSystem.kindUnfollowed(folder) == .folder, let entries = StagedEntry.all(in: folder) else {
            throw Fault(.inputOutput, "the folder of a stage cannot be read", file: folder)
        }
        for entry in entries {
            switch entry {
            case .file(let name), .temporary(let name): try FileSystem.removeFile(FileSystem.joined(folder, name))
            case .folder(let name): try FileSystem.removeFolder(FileSystem.joined(folder, name))
            case .mark: try FileSystem.removeFile(FileSystem.joined(folder, StagingMark.fileName))
            case .foreign(let name): throw foreign(FileSystem.joined(folder, name))
            }
        }
    }

    private func foreign(_ path: String) -> Fault {
        Fault(
            .badData, "the folder of the stages contains a file that no run wrote", file: path,
            advice: "move it away, then continue with `espalier resume \(ShellWord.quoted(place.output))`")
    }

    /// Removes the folder: the outputs of runs first, what says whose it is last.
    public func remove() throws(Fault) {
        let entries = try FileSystem.entries(in: path)
        var files: [String] = []
        for name in entries.names {
            let full = FileSystem.joined(path, name)
            if FileSystem.kindUnfollowed(full) == .folder {
                try empty(full)
                try FileSystem.removeFolder(full)
            } else if StagesFolder.isOwn(name) {
                files.append(name)
            } else {
                throw foreign(full)
            }
        }
        if let name = entries.unreadable.first { throw foreign(FileSystem.joined(path, name)) }
        for name in files where name != StagesFolder.recordName {
            try FileSystem.removeFile(FileSystem.joined(path, name))
        }
        if files.contains(StagesFolder.recordName) {
            try FileSystem.removeFile(FileSystem.joined(path, StagesFolder.recordName))
        }
        try FileSystem.removeFolder(path)
        try FileSystem.syncFolder(FileSystem.parent(path))
    }

    /// Whether a run gives a file in the folder this name.
    private static func isOwn(_ name: String) -> Bool {
        name == recordName || name.hasPrefix("stage-") && name.hasSuffix(".json") || TemporaryName.matches(name)
            || name.hasSuffix(OutputPlace.lockEnding)
    }
}
