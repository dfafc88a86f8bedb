import Faults
import Files
import JSONText
import Publishing

/// A run that works in a staging folder with a journal: how it begins, and how it is taken up again.
enum StagedRun {
    /// Begins a run: its folder, its journal with the first line, then the work.
    ///
    /// - Parameters:
    ///   - inputs: what the output must not replace.
    ///   - bytes: the most that the run holds on the disk at once.
    ///   - first: the journal's first line, which says what the run is.
    /// - Throws: what the work throws; after the second line of the journal the run can be resumed.
    static func start<Result>(
        _ place: OutputPlace, inputs: [String], bytes: Int, events: EventHandler,
        first: () throws(Fault) -> JSONValue, work: (StagingFolder, Journal) throws(Fault) -> Result
    ) throws(Fault) -> Result {
        let staging = try StagingFolder.begin(place, inputs: inputs, bytes: bytes)
        var journal: Journal?
        do throws(Fault) {
            let record = try first()
            let lines = try Journal(staging.path(of: Journal.fileName))
            try lines.append(record)
            journal = lines
            events(.resumable)
            return try work(staging, lines)
        } catch {
            // A folder with nothing in it would only be in the way of the next try, unless its advice is to resume.
            let goesOn = error.kind == .interrupted || error.kind == .deviceUnavailable
            if journal == nil || journal?.count == 1 && !goesOn { staging.discard() }
            throw error
        }
    }

    /// An interrupted run that is taken up.
    struct Interrupted {
        let staging: StagingFolder
        /// Of the journal.
        let path: String
        private let contents: Journal.Contents

        /// - Throws: `usage` for a finished run, and what `StagingFolder.resume` throws.
        init(_ place: OutputPlace) throws(Fault) {
            guard case .unfinished(let staging) = try StagingFolder.resume(place) else {
                throw Fault(.usage, "the run is already finished", file: place.output)
            }
            self.staging = staging
            path = staging.path(of: Journal.fileName)
            contents = try Journal.contents(path)
        }

        /// The first line, which says what the run is.
        ///
        /// - Throws: `badData` for one that the program does not write.
        func record<Record>(_ read: (JSONValue) -> Record?) throws(Fault) -> Record {
            guard let first = contents.lines.first, let record = read(first) else {
                throw Fault(.badData, "the journal was not written by this version", file: path)
            }
            return record
        }

        /// The lines after the first.
        var lines: [JSONValue] { Array(contents.lines.dropFirst()) }

        /// The journal to append to; that its last line was torn is said.
        func journal(_ events: EventHandler) throws(Fault) -> Journal {
            if contents.tornBytes > 0 {
                events(
                    .warning(
                        "\(path): the last line is incomplete (\(contents.tornBytes) bytes) after a crash; what it "
                            + "recorded is done again"))
            }
            return try Journal(path, behind: contents)
        }
    }
}
