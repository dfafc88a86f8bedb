/// What a file is called in a result.
enum FileName {
    /// The path's last part, or the path where two files have the same.
    static func shortest(_ path: String, among paths: [String]) -> String {
        func last(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
        let name = last(path)
        return paths.count { last($0) == name } > 1 ? path : name
    }
}
