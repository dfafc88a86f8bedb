import Faults

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Where a file that the user named will go: looked at before the work, so that what cannot be written is told then.
///
/// A file is replaced as a whole. A link is followed, and what it leads to is replaced. What is no file of bytes, such
/// as
/// `/dev/null` or a named pipe, stays what it is and is written into.
package final class OutputTarget {
    /// As it was named, for messages.
    package let path: String
    let way: Way

    enum Way {
        /// A file at this path, in whose folder the new content is prepared; with the permissions of the old one.
        case replaced(String, old: Permissions?)
        /// Written into as it is; the descriptor belongs to the target.
        case direct(Int32)
    }

    struct Permissions {
        var mode: mode_t
        var owner: uid_t
        var group: gid_t
    }

    /// - Throws: `usage` for an empty name, `inputOutput` for what cannot be written.
    package init(_ path: String) throws(Fault) {
        self.path = path
        way = try OutputTarget.way(path)
    }

    deinit { if case .direct(let descriptor) = way { close(descriptor) } }

    /// Writes the file whole, or leaves what was there.
    package func write(_ bytes: [UInt8]) throws(Fault) {
        let file = try OutputFile(self)
        try file.write(bytes)
        _ = try file.finish()
    }

    package func write(_ text: String) throws(Fault) { try write(Array(text.utf8)) }

    /// Whether the output is a file that gets its name when it is whole.
    package var isReplaced: Bool {
        if case .replaced = way { return true }
        return false
    }

    private static func way(_ path: String) throws(Fault) -> Way {
        guard !path.isEmpty else { throw Fault(.usage, "the output has no name", expected: "the path of a file") }
        var status = stat()
        guard stat(path, &status) == 0 else { return try new(path, errno) }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            if let stream = standardStream(status) { return .direct(try duplicate(stream, path)) }
            return try existing(path, status)
        case S_IFDIR:
            throw Fault(
                .inputOutput, "the output is a folder", file: path, expected: "a file", advice: "name a file in it")
        case S_IFCHR, S_IFIFO:
            if let stream = standardStream(status) { return .direct(try duplicate(stream, path)) }
            return .direct(try opened(path))
        default:
            throw Fault(
                .inputOutput, "the output is neither a file nor a pipe nor a device that takes text", file: path,
                advice: "name a file")
        }
    }

    /// There is nothing at the path, or nothing that can be looked at.
    private static func new(_ path: String, _ code: Int32) throws(Fault) -> Way {
        if FileSystem.isLink(path) {
            throw Fault(
                .inputOutput, "the output is a link to a missing file", file: path,
                found: FileSystem.reason(code), advice: "create the file that it points to, or choose another file")
        }
        guard code == ENOENT else { throw FileSystem.failure("the output cannot be written", path, code) }
        guard path.utf8.last != UInt8(ascii: "/") else {
            throw Fault(.inputOutput, "the output's name is that of a folder", file: path, expected: "a file")
        }
        try checkFolder(of: path, named: path)
        return .replaced(path, old: nil)
    }

    private static func existing(_ path: String, _ status: stat) throws(Fault) -> Way {
        var target = path
        if FileSystem.isLink(path) {
            guard let resolved = FileSystem.openableResolved(path) else {
                throw Fault(.inputOutput, "the output is a link that cannot be followed", file: path)
            }
            target = resolved
        }
        // Renaming would replace a file that its owner has protected.
        guard access(path, W_OK) == 0 else { throw FileSystem.failure("the output cannot be written", path, errno) }
        try checkFolder(of: target, named: path)
        let old = Permissions(mode: status.st_mode & 0o777, owner: status.st_uid, group: status.st_gid)
        return .replaced(target, old: old)
    }

    private static func checkFolder(of target: String, named path: String) throws(Fault) {
        guard access(FileSystem.parent(target), W_OK | X_OK) == 0 else {
            throw FileSystem.failure("the output's folder cannot be written", path, errno)
        }
    }

    /// The standard stream that the path leads to, as `/dev/stdout` does. Such a file is not opened a second time: its
    /// two writers would overwrite each other.
    private static func standardStream(_ status: stat) -> Int32? {
        [STDOUT_FILENO, STDERR_FILENO].first { stream in
            var own = stat()
            return fstat(stream, &own) == 0 && own.st_dev == status.st_dev && own.st_ino == status.st_ino
                && own.st_mode & S_IFMT == status.st_mode & S_IFMT
        }
    }

    private static func duplicate(_ stream: Int32, _ path: String) throws(Fault) -> Int32 {
        let descriptor = fcntl(stream, F_DUPFD_CLOEXEC, 3)
        guard descriptor >= 0 else { throw FileSystem.failure("the output cannot be opened", path, errno) }
        return descriptor
    }

    /// A device or pipe, opened to write. A pipe that nobody reads is refused: opening it would wait for ever.
    private static func opened(_ path: String) throws(Fault) -> Int32 {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            let code = errno
            guard code == ENXIO else { throw FileSystem.failure("the output cannot be opened", path, code) }
            throw Fault(
                .inputOutput, "nothing reads from the pipe that is the output", file: path,
                advice: "start its reader first")
        }
        var status = stat()
        let flags = fcntl(descriptor, F_GETFL)
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFCHR || status.st_mode & S_IFMT == S_IFIFO,
            flags >= 0, fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) >= 0
        else {
            close(descriptor)
            throw Fault(.inputOutput, "the output was replaced while it was being opened", file: path)
        }
        return descriptor
    }
}
