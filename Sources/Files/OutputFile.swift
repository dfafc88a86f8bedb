import Crypto
import Faults

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file that appears under its name only when it is whole and on the disk.
///
/// Bytes go to a new file beside it, whose name nobody can guess; `finish()` makes them durable and renames. A file
/// that is dropped unfinished, or whose writing fails, is removed. Of several writers of one file the last to finish
/// wins. What is no file, as a pipe, is written into directly.
package final class OutputFile {
    /// As it was named, for messages.
    package let path: String
    /// Where the bytes go until the file is whole; nil when they go into a pipe or device.
    private let temporary: String?
    /// The path that the file gets, which is not the name where that is a link.
    private let final: String
    private var descriptor: Int32
    private let target: OutputTarget
    private var hash = SHA256()
    package private(set) var bytes = 0

    package convenience init(_ path: String) throws(Fault) { try self.init(OutputTarget(path)) }

    package init(_ target: OutputTarget) throws(Fault) {
        self.target = target
        path = target.path
        switch target.way {
        case .direct(let open):
            final = target.path
            temporary = nil
            descriptor = fcntl(open, F_DUPFD_CLOEXEC, 3)
            guard descriptor >= 0 else { throw FileSystem.failure("the file cannot be written", path, errno) }
        case .replaced(let file, let old):
            final = file
            let name = TemporaryName.beside(file)
            // Nobody may read what the old file's permissions keep from them, not even for a moment.
            descriptor = open(
                name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, old.map { $0.mode & 0o600 } ?? 0o666)
            guard descriptor >= 0 else {
                temporary = nil
                throw FileSystem.failure("the file cannot be written", path, errno)
            }
            temporary = name
            guard let old else { return }
            // The owner can be kept by root only; for others it is their own already, or becomes it.
            if old.owner != geteuid() || old.group != getegid() { _ = fchown(descriptor, old.owner, old.group) }
            guard fchmod(descriptor, old.mode) == 0 else {
                throw FileSystem.failure("the file cannot be given the permissions of the old one", path, errno)
            }
        }
    }

    deinit { abandon() }

    private func abandon() {
        guard descriptor >= 0 else { return }
        close(descriptor)
        descriptor = -1
        if let temporary { unlink(temporary) }
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

    /// Makes the file durable and gives it its name.
    ///
    /// - Throws: `inputOutput`; the file is then as it was before, or, where only the folder could not be made durable,
    ///   the new one.
    package func finish() throws(Fault) -> FileDigest {
        let digest = FileDigest(name: FileSystem.last(path), sha256: hexadecimal(hash.finalize()), bytes: bytes)
        guard let temporary else {
            let status = close(descriptor)
            descriptor = -1
            guard status == 0 else { throw FileSystem.failure("the file cannot be closed", path, errno) }
            return digest
        }
        do throws(Fault) {
            try OutputFile.sync(descriptor, path)
            let status = close(descriptor)
            descriptor = -1
            guard status == 0 else { throw FileSystem.failure("the file cannot be closed", path, errno) }
            try FileSystem.rename(temporary, to: final)
        } catch {
            if descriptor >= 0 { abandon() } else { unlink(temporary) }
            throw error
        }
        try FileSystem.syncFolder(FileSystem.parent(final))
        return digest
    }

    /// Writes everything, however the system cuts it up.
    package static func writeAll(_ buffer: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws(Fault) {
        let (done, code) = write(buffer, to: descriptor)
        guard code == 0 else { throw FileSystem.failure("writing failed after \(done) bytes", path, code) }
    }

    /// The same for what has no path.
    ///
    /// - Returns: the bytes written, and 0 or the `errno` of the write that failed.
    package static func write(_ buffer: UnsafeRawBufferPointer, to descriptor: Int32) -> (done: Int, code: Int32) {
        var done = 0
        while done < buffer.count {
            #if canImport(Darwin)
                let count = Darwin.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
            #else
                let count = Glibc.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
            #endif
            if count > 0 {
                done += count
            } else if count < 0, errno == EAGAIN {
                // A terminal or pipe that another process set not to wait.
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, -1)
            } else if count == 0 || errno != EINTR {
                return (done, count == 0 ? ENOSPC : errno)
            }
        }
        return (done, 0)
    }

    /// Waits until the file's bytes are on the disk.
    package static func sync(_ descriptor: Int32, _ path: String) throws(Fault) {
        #if canImport(Darwin)
            // fsync on Darwin leaves the bytes in the drive's cache.
            if fcntl(descriptor, F_FULLFSYNC) == 0 { return }
        #endif
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw FileSystem.failure("the file cannot be synced to disk", path, errno)
        }
    }
}
