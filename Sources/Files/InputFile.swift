import Crypto
import Faults

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A regular file opened for reading at any offset, which notices when somebody changes it.
///
/// Reads are `pread` into the caller's memory, so one file serves several threads; the file is closed with the last
/// reference.
package final class InputFile: Sendable {
    package let path: String
    /// Bytes, when the file was opened.
    package let size: Int
    private let descriptor: Int32
    private let stamp: Stamp

    /// What tells one state of a file from another.
    private struct Stamp: Equatable {
        var size: Int64
        var seconds: Int
        var nanoseconds: Int
    }

    /// - Parameter followsLink: whether a symbolic link at the path is followed, or refused as what cannot be opened.
    /// - Throws: `missingInput` when there is no such file, `inputOutput` when it cannot be opened, `badData` when it
    ///   is not a regular file.
    package init(_ path: String, followsLink: Bool = true) throws(Fault) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followsLink ? 0 : O_NOFOLLOW))
        guard descriptor >= 0 else {
            let code = errno
            if code == ENOENT || code == ENOTDIR {
                throw Fault(.missingInput, "the file does not exist", file: path, advice: "check the path")
            }
            throw FileSystem.failure("the file cannot be opened", path, code)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, FileSystem.kind(ofMode: status.st_mode) == .file else {
            close(descriptor)
            throw Fault(
                .badData, "this is not a regular file", file: path,
                found: "a \(FileSystem.word(ofMode: status.st_mode))",
                expected: "a file that can be read at any position",
                advice: "write the output of a pipe or device to a file first, and pass that file")
        }
        self.path = path
        self.descriptor = descriptor
        self.size = Int(status.st_size)
        self.stamp = InputFile.stamp(status)
    }

    /// A file that is open already, and is closed with this.
    ///
    /// - Parameter path: what messages call it.
    /// - Throws: `inputOutput` when it cannot be looked at; the descriptor is then still the caller's.
    init(adopting descriptor: Int32, path: String) throws(Fault) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw FileSystem.failure("the file no longer exists", path, errno)
        }
        self.path = path
        self.descriptor = descriptor
        self.size = Int(status.st_size)
        self.stamp = InputFile.stamp(status)
    }

    deinit { close(descriptor) }

    private static func stamp(_ status: stat) -> Stamp {
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        return Stamp(size: Int64(status.st_size), seconds: time.tv_sec, nanoseconds: time.tv_nsec)
    }

    /// - Throws: `inputOutput` when size or modification time are not what they were when the file was opened.
    package func checkUnchanged() throws(Fault) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw FileSystem.failure("the file no longer exists", path, errno)
        }
        guard InputFile.stamp(status) == stamp else {
            throw Fault(
                .inputOutput, "the file was changed while it was being read", file: path,
                found: "\(status.st_size) bytes now", expected: "\(size) bytes, unmodified since it was opened",
                advice: "run again when nothing else writes to it")
        }
    }

    /// Fills the whole buffer from `offset`.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Fault) {
        try checkUnchanged()
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset + done))
            if count > 0 {
                done += count
            } else if count == 0 {
                throw Fault(
                    .inputOutput, "the file ended early", file: path, place: "byte \(offset + done)",
                    expected: "\(size) bytes", advice: "run again when nothing else writes to it")
            } else if errno != EINTR {
                throw FileSystem.failure("reading failed", path, errno)
            }
        }
    }

    package func bytes(at offset: Int, count: Int) throws(Fault) -> [UInt8] {
        try FreeMemory.check(count, for: "reading this file", file: path)
        var fault: Fault?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(Fault) {
                try read(
                    into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count), at: offset)
                initialized = count
            } catch { fault = error }
        }
        if let fault { throw fault }
        return bytes
    }

    /// The whole file. `limit` bounds what a hostile file can make us allocate.
    package func contents(limit: Int) throws(Fault) -> [UInt8] {
        guard size <= limit else {
            throw Fault(
                .badData, "the file is too large for its kind", file: path, found: "\(size) bytes",
                expected: "at most \(limit) bytes")
        }
        return try bytes(at: 0, count: size)
    }

    /// SHA-256 of the whole file, as lowercase hexadecimal.
    package func digest() throws(Fault) -> String {
        var hash = SHA256()
        var offset = 0
        while offset < size {
            let chunk = try bytes(at: offset, count: min(1 << 22, size - offset))
            hash.update(data: chunk)
            offset += chunk.count
        }
        return hexadecimal(hash.finalize())
    }
}
