import Faults

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Keeps other processes from a file until the value is gone. The file is made where there is none.
package final class FileLock {
    private let descriptor: Int32

    /// Waits until the file is free.
    ///
    /// - Throws: `inputOutput` when the file cannot be opened or locked.
    package init(_ path: String) throws(Fault) {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
        guard descriptor >= 0 else { throw FileSystem.failure("the file cannot be opened to write", path, errno) }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw FileSystem.failure("the file cannot be locked", path, errno) }
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
