import Faults

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Keeps other processes from a file until the value is gone. The file is made where there is none.
final class FileLock {
    private let descriptor: Int32

    /// Waits until the file is free.
    ///
    /// - Throws: `inputOutput` when the file cannot be opened.
    init(_ path: String) throws(Fault) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else {
            throw Fault(
                .inputOutput, "the file cannot be opened to write", file: path, found: String(cString: strerror(errno)))
        }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                let reason = String(cString: strerror(errno))
                close(descriptor)
                throw Fault(.inputOutput, "the file cannot be locked", file: path, found: reason)
            }
        }
    }

    deinit { close(descriptor) }
}
