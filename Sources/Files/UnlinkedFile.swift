import Faults

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file without a name, for what does not fit into memory: however the process ends, nothing is left of it.
package enum UnlinkedFile {
    /// A new file in a folder, which nobody else can open by a name; to read and write, and for the caller to close.
    ///
    /// - Throws: `inputOutput` naming the folder when it does not take the file.
    package static func open(in folder: String) throws(Fault) -> Int32 {
        let name = TemporaryName.beside(FileSystem.joined(folder, "stream"))
        #if canImport(Darwin)
            let descriptor = Darwin.open(name, flags, 0o600)
        #else
            let descriptor = Glibc.open(name, flags, 0o600)
        #endif
        guard descriptor >= 0 else { throw FileSystem.failure("the folder cannot be written", folder, errno) }
        guard unlink(name) == 0 else {
            let code = errno
            close(descriptor)
            throw FileSystem.failure("a file in the folder cannot be removed", folder, code)
        }
        return descriptor
    }

    private static let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
}
