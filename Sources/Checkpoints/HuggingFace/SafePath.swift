import Faults
import Files

/// Names of files that a model's own files mention: only plain names of files within the model's folder are followed.
package enum SafePath {
    static func isPlainName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".."
            && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 < 0x20 }
    }

    /// Whether the name is that of a file, or of a file in a folder beside the others.
    package static func isPlainPath(_ path: String) -> Bool {
        let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return parts.count <= 2 && parts.allSatisfy { isPlainName(String(decoding: $0, as: UTF8.self)) }
    }

    /// The path of a file in `folder`, or nil when it leads out of it through a symbolic link.
    ///
    /// The model hub's cache keeps a snapshot as links into the `blobs` folder two levels up; those are followed.
    static func inside(_ folder: String, _ name: String) -> String? {
        let path = FileSystem.joined(folder, name)
        guard let target = FileSystem.resolved(path), let root = FileSystem.resolved(folder) else { return path }
        if FileSystem.isInside(target, root) { return path }
        let snapshots = FileSystem.parent(root)
        let blobs = FileSystem.joined(FileSystem.parent(snapshots), "blobs")
        let isInCache = FileSystem.last(snapshots) == "snapshots"
        if isInCache, FileSystem.areSame(FileSystem.parent(target), blobs) { return path }
        return nil
    }

    /// - Throws: `badData` when the file is a link that leads out of the folder.
    package static func checked(_ folder: String, _ name: String) throws(Fault) -> String {
        guard let path = inside(folder, name) else {
            throw Fault(
                .badData, "a symbolic link leads out of the model's folder", file: FileSystem.joined(folder, name),
                found: FileSystem.resolved(FileSystem.joined(folder, name)) ?? "a link",
                expected: "a file in the folder", advice: "replace the link by the file, if you trust it")
        }
        return path
    }
}
