import Crypto
import Faults

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file that appears under its name only when it is whole and on the disk.
///
/// Bytes go to `NAME.partial`; `finish()` makes them durable and renames. A file that is dropped unfinished is removed.
package final class OutputFile {
    package static let temporaryEnding = ".partial"

    package let path: String
    private let temporary: String
    private var descriptor: Int32
    private var hash = SHA256()
    package private(set) var bytes = 0

    package init(_ path: String) throws(Fault) {
        self.path = path
        temporary = path + OutputFile.temporaryEnding
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw FileSystem.failure("the file cannot be written", path, errno) }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(temporary)
        }
    }

    package func write(_ buffer: UnsafeRawBufferPointer) throws(Fault) {
        try OutputFile.writeAll(buffer, to: descriptor, path)
        hash.update(bufferPointer: buffer)
        bytes += buffer.count
    }

    package func write(_ bytes: [UInt8]) throws(Fault) {
        let result: Result<Void, Fault> = bytes.withUnsafeBytes { buffer in
            do throws(Fault) { return .success(try write(buffer)) } catch { return .failure(error) }
        }
        try result.get()
    }

    package func finish() throws(Fault) -> FileDigest {
        try OutputFile.sync(descriptor, path)
        let status = close(descriptor)
        descriptor = -1
        guard status == 0 else {
            let code = errno
            unlink(temporary)
            throw FileSystem.failure("the file cannot be closed", path, code)
        }
        try FileSystem.rename(temporary, to: path)
        try FileSystem.syncFolder(FileSystem.parent(path))
        return FileDigest(name: FileSystem.last(path), sha256: hexadecimal(hash.finalize()), bytes: bytes)
    }

    /// Writes everything, however the system cuts it up.
    package static func writeAll(_ buffer: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws(Fault) {
        var done = 0
        while done < buffer.count {
            #if canImport(Darwin)
                let count = Darwin.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
            #else
                let count = Glibc.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
            #endif
            if count > 0 {
                done += count
            } else if count == 0 || errno != EINTR {
                throw FileSystem.failure("writing failed after \(done) bytes", path, count == 0 ? ENOSPC : errno)
            }
        }
    }

    /// Waits until the file's bytes are on the disk.
    package static func sync(_ descriptor: Int32, _ path: String) throws(Fault) {
        #if canImport(Darwin)
            // fsync on Darwin leaves the bytes in the drive's cache.
            if fcntl(descriptor, F_FULLFSYNC) == 0 { return }
        #endif
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw FileSystem.failure("the file cannot be made durable", path, errno)
        }
    }
}
