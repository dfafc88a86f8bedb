import Faults
import Foundation

/// Small files read whole.
enum ReadableFile {
    /// - Throws: `missingInput` when there is none, `inputOutput` when it cannot be read.
    static func bytes(_ path: String) throws(Fault) -> [UInt8] {
        guard FileManager.default.fileExists(atPath: path) else {
            throw Fault(.missingInput, "the file does not exist", file: path, advice: "check the path")
        }
        do {
            return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw Fault(.inputOutput, "the file cannot be read", file: path, found: error.localizedDescription)
        }
    }
}
