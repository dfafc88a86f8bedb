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

    /// What stands at the path itself; a symbolic link is `other`, wherever it leads. Nil when there is nothing.
    package static func kindUnfollowed(_ path: String) -> Kind? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        return kind(ofMode: status.st_mode)
    }

    package static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    /// The most bytes that a name in the folder may have.
    package static func longestName(in folder: String) -> Int {
        let limit = pathconf(folder, Int32(_PC_NAME_MAX))
        return limit > 0 ? limit : 255
    }

    package static func size(_ path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// When the content last changed, in seconds since 1970; nil when there is no such file.
    package static func modified(_ path: String) -> Double? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        #if canImport(Darwin)
            return Double(status.st_mtimespec.tv_sec)
        #else
            return Double(status.st_mtim.tv_sec)
        #endif
    }

    /// What a folder holds.
    package struct Entries {
        /// Sorted by bytes, without "." and "..".
        package var names: [String] = []
        /// Names that are no UTF-8, as they can be shown. No text of ours leads to such a file, so it is never opened.
        package var unreadable: [String] = []
    }

    package static func entries(in folder: String) throws(Fault) -> Entries {
        guard let stream = opendir(folder) else { throw failure("the folder cannot be read", folder, errno) }
        defer { closedir(stream) }
        var entries = Entries()
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
                    guard let name = String(validatingCString: $0) else {
                        return entries.unreadable.append(String(cString: $0))
                    }
                    if name != ".", name != ".." { entries.names.append(name) }
                }
            }
        }
        if errno != 0 { throw failure("the folder cannot be read", folder, errno) }
        entries.names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        entries.unreadable.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return entries
    }

    /// The names in a folder, sorted by bytes, without "." and ".." and those that are no UTF-8.
    package static func names(in folder: String) throws(Fault) -> [String] { try entries(in: folder).names }

    /// What stands in a folder, with "inner/name" for what stands in a folder in it; a link is what it is.
    package static func paths(in folder: String) throws(Fault) -> [String] {
        var paths: [String] = []
        for name in try names(in: folder) {
            guard kindUnfollowed(joined(folder, name)) == .folder else {
                paths.append(name)
                continue
            }
            paths += try names(in: joined(folder, name)).map { joined(name, $0) }
        }
        return paths
    }

    /// The absolute path without symbolic links; nil when it does not exist. Bytes that are no UTF-8 are replaced: for
    /// messages, and for comparing with another path that was resolved.
    package static func resolved(_ path: String) -> String? {
        guard let buffer = realpath(path, nil) else { return nil }
        defer { free(buffer) }
        return String(cString: buffer)
    }

    /// The absolute path without symbolic links, to be opened; nil when there is none or its name is no UTF-8.
    package static func openableResolved(_ path: String) -> String? {
        guard let buffer = realpath(path, nil) else { return nil }
        defer { free(buffer) }
        return String(validatingCString: buffer)
    }

    package static func makeFolder(_ path: String) throws(Fault) {
        guard mkdir(path, 0o777) == 0 else { throw failure("the folder cannot be created", path, errno) }
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

    /// Removes a folder that is empty.
    package static func removeFolder(_ path: String) throws(Fault) {
        guard rmdir(path) == 0 || errno == ENOENT else { throw failure("the folder cannot be removed", path, errno) }
    }

    /// Makes renames and new names in the folder durable.
    package static func syncFolder(_ path: String) throws(Fault) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("the folder cannot be opened", path, errno) }
        defer { close(descriptor) }
        // Some network file systems refuse fsync on a folder; there is nothing better to do there.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw failure("the folder cannot be synced to disk", path, errno)
        }
    }

    /// Bytes that an unprivileged process may still write beside `path`.
    package static func freeBytes(at path: String) throws(Fault) -> Int {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw failure("the disk's free space cannot be read", path, errno) }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow || bytes > UInt64(Int.max) ? Int.max : Int(bytes)
    }

    // Paths are bytes: Swift's `String` holds canonically equivalent names for equal, and takes a slash with a
    // combining mark after it for another letter.

    package static func joined(_ folder: String, _ name: String) -> String {
        folder.utf8.last == slash ? folder + name : folder + "/" + name
    }

    /// Whether two paths are the same, byte for byte.
    package static func areSame(_ path: String, _ other: String) -> Bool { path.utf8.elementsEqual(other.utf8) }

    /// Whether the absolute path lies below the folder.
    package static func isInside(_ path: String, _ folder: String) -> Bool {
        path.utf8.starts(with: joined(folder, "").utf8)
    }

    /// Whether the name ends with these bytes.
    package static func hasEnding(_ name: String, _ ending: String) -> Bool {
        name.utf8.count >= ending.utf8.count && name.utf8.suffix(ending.utf8.count).elementsEqual(ending.utf8)
    }

    /// The parts between slashes, empty ones left out.
    package static func components(_ path: String) -> [String] {
        path.utf8.split(separator: slash).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The last component: "c" of "/a/b/c" and of "/a/b/c/".
    package static func last(_ path: String) -> String {
        path.utf8.split(separator: slash).last.map { String(decoding: $0, as: UTF8.self) } ?? path
    }

    /// The folder that holds the path: "/a/b" of "/a/b/c", "." of "c".
    package static func parent(_ path: String) -> String {
        let trimmed = withoutTrailingSlashes(path).utf8
        guard let end = trimmed.lastIndex(of: slash) else { return "." }
        return end == trimmed.startIndex
            ? "/" : withoutTrailingSlashes(String(decoding: trimmed[..<end], as: UTF8.self))
    }

    package static func withoutTrailingSlashes(_ path: String) -> String {
        guard path.utf8.last == slash else { return path }
        guard let end = path.utf8.lastIndex(where: { $0 != slash }) else { return "/" }
        return String(decoding: path.utf8[...end], as: UTF8.self)
    }

    private static let slash = UInt8(ascii: "/")
}
