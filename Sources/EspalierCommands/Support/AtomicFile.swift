import Faults
import Files

/// A file that the user named for a result: looked at before the work, written after it, as a whole or not at all.
struct AtomicFile {
    private let target: OutputTarget

    var path: String { target.path }

    /// Whether it is a file, and no pipe or device.
    var isFile: Bool { target.isReplaced }

    /// - Throws: `inputOutput` when the file could not be written: told before the work, not after it.
    init(_ path: String) throws(Fault) { target = try OutputTarget(path) }

    func write(_ text: String) throws(Fault) { try target.write(Array(text.utf8)) }
}
