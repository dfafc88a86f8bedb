import Files

/// What a file is called in a result.
package enum FileName {
    /// The path's last part, or the path where two files have the same.
    package static func shortest(_ path: String, among paths: [String]) -> String {
        let name = FileSystem.last(path)
        return paths.count { FileSystem.areSame(FileSystem.last($0), name) } > 1 ? path : name
    }
}
