/// Paths as they are named from a folder that may not be there yet: a published folder holds no absolute path, and its
/// recipe and its journal are read from whatever folder the program is started in.
package enum RelativePath {
    /// How a path is named from a folder: `../model` for a neighbour of the folder. The path itself where the file
    /// system cannot tell where either of them is.
    ///
    /// - Parameters:
    ///   - path: as the program can open it now; the last component need not exist, its folder must.
    ///   - folder: the same; its own parent must exist.
    package static func of(_ path: String, from folder: String) -> String {
        guard let target = place(path), let base = place(folder) else { return path }
        let (to, from) = (FileSystem.components(target), FileSystem.components(base))
        let shared = zip(to, from).prefix { FileSystem.areSame($0, $1) }.count
        let up = Array(repeating: "..", count: from.count - shared)
        // A name alone could be taken for a word, such as the calibration source `self`.
        return ((up.isEmpty ? ["."] : up) + to[shared...]).joined(separator: "/")
    }

    /// Where a path leads that is named from a folder. Steps upwards are taken from the folder's real place, so that it
    /// need not exist, and may be a link.
    package static func resolved(_ path: String, in folder: String) -> String {
        guard path.utf8.first != UInt8(ascii: "/") else { return path }
        var rest = FileSystem.components(path)[...]
        while rest.first == "." { rest = rest.dropFirst() }
        guard rest.first == ".." else {
            guard !rest.isEmpty else { return folder }
            let name = rest.joined(separator: "/")
            return folder == "." ? name : FileSystem.joined(folder, name)
        }
        guard let base = FileSystem.openableResolved(folder) ?? place(folder) else {
            return FileSystem.joined(folder, path)
        }
        var components = FileSystem.components(base)
        while rest.first == ".." {
            rest = rest.dropFirst()
            _ = components.popLast()
        }
        return "/" + (components + rest).joined(separator: "/")
    }

    /// The absolute path, without links but for the last component, whose name is kept.
    private static func place(_ path: String) -> String? {
        let name = FileSystem.last(path)
        if name == "." || name == ".." || name == "/" || name.isEmpty { return FileSystem.openableResolved(path) }
        return FileSystem.openableResolved(FileSystem.parent(path)).map { FileSystem.joined($0, name) }
    }
}
