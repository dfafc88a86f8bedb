import Faults

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The few questions that this module asks the file system, answered with faults instead of `errno`.
package enum FileSystem {
    package enum Kind: Equatable {
        case file
        case folder
        case other
    }

    /// The text of an `errno` value.
    package static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

    package static func failure(_ summary: String, _ path: String, _ code: Int32, advice: String? = nil) -> Fault {
        var advice = advice
        if code == ENOSPC || code == EDQUOT { advice = "free some space on this disk, then run again" }
        return Fault(.inputOutput, summary, file: path, found: reason(code), advice: advice)
    }

    /// What stands at the path, symbolic links followed; nil when there is nothing.
    package static func kind(_ path: String) -> Kind? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return kind(ofMode: status.st_mode)
    }

    package static func kind(ofMode mode: mode_t) -> Kind {
        switch mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        default: .other
        }
    }

    /// What an entry is, for messages.
    package static func word(ofMode mode: mode_t) -> String {
        switch mode & S_IFMT {
        case S_IFREG: "file"
        case S_IFDIR: "folder"
        case S_IFIFO: "pipe"
        case S_IFCHR, S_IFBLK: "device"
        case S_IFSOCK: "socket"
        default: "special file"
        }
    }

    /// Whether the path exists, a dangling symbolic link included.
    package static func existsUnfollowed(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    package static func size(_ path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// The names in a folder, sorted by bytes, without "." and "..".
    package static func names(in folder: String) throws(Fault) -> [String] {
        guard let stream = opendir(folder) else { throw failure("the folder cannot be read", folder, errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
                    String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        if errno != 0 { throw failure("the folder cannot be read", folder, errno) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// What stands in a folder, with "inner/name" for what stands in a folder in it.
    package static func paths(in folder: String) throws(Fault) -> [String] {
        var paths: [String] = []
        for name in try names(in: folder) {
            guard kind(joined(folder, name)) == .folder else {
                paths.append(name)
                continue
            }
            paths += try names(in: joined(folder, name)).map { joined(name, $0) }
        }
        return paths
    }

    /// The absolute path without symbolic links; nil when it does not exist.
    package static func resolved(_ path: String) -> String? {
        guard let buffer = realpath(path, nil) else { return nil }
        defer { free(buffer) }
        return String(cString: buffer)
    }

    package static func makeFolder(_ path: String) throws(Fault) {
        guard mkdir(path, 0o777) == 0 else { throw failure("the folder cannot be made", path, errno) }
    }

    package static func rename(_ old: String, to new: String) throws(Fault) {
        #if canImport(Darwin)
            let status = Darwin.rename(old, new)
        #else
            let status = Glibc.rename(old, new)
        #endif
        guard status == 0 else { throw failure("'\(last(old))' cannot be renamed", new, errno) }
    }

    package static func removeFile(_ path: String) throws(Fault) {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("the file cannot be removed", path, errno) }
    }

    /// Removes a file, or a folder that holds files only. A link is removed, not what it leads to.
    package static func removeFileOrFolder(_ path: String) throws(Fault) {
        var status = stat()
        guard lstat(path, &status) == 0, kind(ofMode: status.st_mode) == .folder else { return try removeFile(path) }
        for name in try names(in: path) { try removeFile(joined(path, name)) }
        guard rmdir(path) == 0 else { throw failure("the folder cannot be removed", path, errno) }
    }

    /// Makes renames and new names in the folder durable.
    package static func syncFolder(_ path: String) throws(Fault) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("the folder cannot be opened", path, errno) }
        defer { close(descriptor) }
        // Some network file systems refuse fsync on a folder; there is nothing better to do there.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw failure("the folder cannot be made durable", path, errno)
        }
    }

    /// Bytes that an unprivileged process may still write beside `path`.
    package static func freeBytes(at path: String) throws(Fault) -> Int {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw failure("the disk's free space cannot be read", path, errno) }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow || bytes > UInt64(Int.max) ? Int.max : Int(bytes)
    }

    package static func joined(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// The last component: "c" of "/a/b/c" and of "/a/b/c/".
    package static func last(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// The folder that holds the path: "/a/b" of "/a/b/c", "." of "c".
    package static func parent(_ path: String) -> String {
        let trimmed = withoutTrailingSlashes(path)
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : withoutTrailingSlashes(String(trimmed[..<slash]))
    }

    package static func withoutTrailingSlashes(_ path: String) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        return path
    }
}
