import Faults

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file of the user's to which lines are appended in place.
package enum GrowingFile {
    /// Whether a line can be appended, so that it is told before the work. Nothing is made or changed.
    ///
    /// - Parameter noun: what the file is, for the message.
    /// - Throws: `inputOutput` for links, for what is no file or cannot be written, and without a folder to make it in.
    package static func check(_ path: String, noun: String) throws(Fault) {
        guard FileSystem.existsUnfollowed(path) else {
            guard access(FileSystem.parent(path), W_OK | X_OK) == 0 else {
                throw FileSystem.failure("the \(noun)'s folder cannot be written", path, errno)
            }
            return
        }
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        let code = errno
        defer { if descriptor >= 0 { close(descriptor) } }
        if descriptor < 0, code == ELOOP {
            throw Fault(
                .inputOutput, "the \(noun) is a symbolic link", file: path, expected: "a file of its own",
                advice: "use the file that it points to")
        }
        guard descriptor >= 0 else { throw FileSystem.failure("the \(noun) cannot be written", path, code) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, FileSystem.kind(ofMode: status.st_mode) == .file else {
            throw Fault(
                .inputOutput, "the \(noun) is not a regular file", file: path, expected: "a file of JSON lines")
        }
    }
}
