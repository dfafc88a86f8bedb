import Faults
import Files
import JSONText

/// The file that says whose a staging folder is: the first thing in it, and there until the folder has its final name.
///
/// It names the output, so that a folder which was published as `x.partial` is never taken for the beginnings of `x`.
struct StagingMark {
    static let fileName = ".staging"
    private static let format = "espalier staging"
    private static let sizeLimit = 4096

    let output: String
    /// Tells one run from another.
    let run: String

    /// For a new run.
    init(output: String) {
        self.output = FileSystem.last(output)
        run = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }.joined(separator: "-")
    }

    /// Nil where the folder has no mark of this program.
    init?(folder: String) {
        let path = FileSystem.joined(folder, StagingMark.fileName)
        guard let file = try? InputFile(path, followsLink: false), file.size <= StagingMark.sizeLimit,
            let bytes = try? file.contents(limit: StagingMark.sizeLimit),
            let object = (try? JSONValue(parsing: bytes[...]))?.objectValue,
            object["format"]?.stringValue == StagingMark.format, object["version"]?.integerValue == 1,
            let output = object["output"]?.stringValue, let run = object["run"]?.stringValue
        else { return nil }
        self.output = output
        self.run = run
    }

    var bytes: [UInt8] {
        let json = JSONValue.object([
            "format": .string(StagingMark.format), "version": .integer(1), "output": .string(output),
            "run": .string(run),
        ])
        return Array((json.text() + "\n").utf8)
    }

    func isOf(_ output: String) -> Bool { FileSystem.areSame(self.output, FileSystem.last(output)) }
}
