import Faults
import Files
import JSONText

/// Reading of small files that may be missing.
enum PublishedFiles {
    /// The largest that is read.
    static let largestFile = 64 << 20

    /// - Returns: nil when there is no such file.
    /// - Throws: `badData` for what is too large or not a regular file, `inputOutput` when it cannot be read.
    static func bytes(_ path: String) throws(Fault) -> [UInt8]? {
        guard FileSystem.existsUnfollowed(path) else { return nil }
        return try InputFile(path).contents(limit: largestFile)
    }

    /// Of all weight files of a folder; nil where there are none that can be counted.
    static func weightBytes(_ folder: String) -> Int? {
        guard let names = try? FileSystem.names(in: folder) else { return nil }
        var sum = 0
        for name in names where FileSystem.hasEnding(name, ".safetensors") {
            guard let size = FileSystem.size(FileSystem.joined(folder, name)) else { return nil }
            let (total, isTooLarge) = sum.addingReportingOverflow(size)
            guard !isTooLarge else { return nil }
            sum = total
        }
        return sum > 0 ? sum : nil
    }

    static func document(_ path: String) throws(Fault) -> JSONObject? {
        guard let bytes = try bytes(path) else { return nil }
        do throws(Fault) {
            guard let object = try JSONValue(parsing: bytes).objectValue else {
                throw Fault(.badData, "the file holds no JSON object")
            }
            return object
        } catch { throw error.inFile(path) }
    }
}
