import Faults
import Foundation
import JSONText

/// Reading of small files that may be missing.
enum PublishedFiles {
    /// The largest that is read.
    static let largestFile = 64 << 20

    /// - Returns: nil when there is no such file.
    static func bytes(_ path: String) throws(Fault) -> Data? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            let data = try handle.read(upToCount: largestFile + 1) ?? Data()
            guard data.count <= largestFile else {
                throw Fault(
                    .badData, "the file is too large for a report", file: path,
                    expected: "at most \(largestFile) bytes")
            }
            return data
        } catch let fault as Fault {
            throw fault
        } catch { throw Fault(.inputOutput, "the file cannot be read", file: path, found: "\(error)") }
    }

    static func document(_ path: String) throws(Fault) -> JSONObject? {
        guard let data = try bytes(path) else { return nil }
        do throws(Fault) {
            guard let object = try JSONValue(parsing: String(decoding: data, as: UTF8.self)).objectValue else {
                throw Fault(.badData, "the file holds no JSON object")
            }
            return object
        } catch { throw error.inFile(path) }
    }
}
