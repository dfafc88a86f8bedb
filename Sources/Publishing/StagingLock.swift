import Faults
import Files
import JSONText

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The right to write one output: a file beside it with the holder's process id and host.
///
/// On one machine the kernel's lock on the file decides, and it ends with its process: what a killed run left behind is
/// taken over, even when its process id is in use again. Such a lock does not reach other machines, so a file that
/// names another host is respected.
final class StagingLock: Sendable {
    let path: String
    private let descriptor: Int32

    init(_ path: String, output: String) throws(Fault) {
        self.path = path
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
            guard descriptor >= 0 else { throw FileSystem.failure("the lock cannot be made", path, errno) }
            var isMine = false
            do throws(Fault) {
                let content = try StagingLock.content(descriptor, path)
                let locked = StagingLock.lock(descriptor)
                if !locked, errno == EWOULDBLOCK { throw StagingLock.held(path, output, content.holder) }
                // Between open and flock the last holder may have removed the file: then another one has its name.
                guard StagingLock.isStill(descriptor, at: path) else {
                    close(descriptor)
                    continue
                }
                // What the last holder wrote while this process waited for the lock.
                let holder = try StagingLock.content(descriptor, path).holder
                let host = StagingLock.hostName()
                if let holder {
                    let alive = !locked && holder.process != getpid() && kill(pid_t(holder.process), 0) == 0
                    if holder.host != host || alive { throw StagingLock.held(path, output, holder) }
                }
                isMine = true
                let text = JSONValue.object(["pid": .integer(Int(getpid())), "host": .string(host)])
                let line = Array((text.text(pretty: false) + "\n").utf8)
                guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
                    throw FileSystem.failure("the lock cannot be written", path, errno)
                }
                let result: Result<Void, Fault> = line.withUnsafeBytes { buffer in
                    do throws(Fault) { return .success(try OutputFile.writeAll(buffer, to: descriptor, path)) } catch {
                        return .failure(error)
                    }
                }
                try result.get()
            } catch {
                if isMine { unlink(path) }
                close(descriptor)
                throw error
            }
            self.descriptor = descriptor
            return
        }
    }

    deinit {
        // Removed while still held, so that nobody can lock a file that is about to lose its name.
        unlink(path)
        close(descriptor)
    }

    /// Whether the lock was had; else `errno` says why. Somebody who only looks holds it for a moment.
    private static func lock(_ descriptor: Int32) -> Bool {
        for _ in 0..<5 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            guard errno == EWOULDBLOCK || errno == EINTR else { return false }
            usleep(10_000)
        }
        return flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    /// The fault for a start beside a run that holds the lock; nil where nobody on this machine does.
    static func running(_ path: String, output: String) -> Fault? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard let content = try? content(descriptor, path) else { return nil }
        let holder = content.holder
        // Shared, so that two who only look do not see each other.
        if flock(descriptor, LOCK_SH | LOCK_NB) == 0 {
            guard let holder, holder.host != hostName() else { return nil }
            return held(path, output, holder)
        }
        return errno == EWOULDBLOCK ? held(path, output, holder) : nil
    }

    /// Removes the lock that a killed run left beside an output that is finished; one that is held stays.
    static func removeStale(_ path: String, output: String) {
        guard FileSystem.kindUnfollowed(path) == .file else { return }
        _ = try? StagingLock(path, output: output)
    }

    private static func isStill(_ descriptor: Int32, at path: String) -> Bool {
        var opened = stat()
        var named = stat()
        return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino
            && opened.st_dev == named.st_dev
    }

    private static let sizeLimit = 4096

    private struct Content {
        var holder: (process: Int, host: String)?
    }

    /// Who the file names; nil for an empty file, or one of zero bytes, as a crash can leave.
    ///
    /// - Throws: `outputExists` for a file that no run wrote: it is somebody's, and stays as it is.
    private static func content(
        _ descriptor: Int32, _ path: String
    ) throws(Fault) -> Content {
        func foreign(_ found: String) -> Fault {
            Fault(
                .outputExists, "the lock file of a run is not one of this program's", file: path,
                found: found, advice: "move it away, or choose another output")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw FileSystem.failure("the lock cannot be read", path, errno)
        }
        guard FileSystem.kind(ofMode: status.st_mode) == .file else { throw foreign("no regular file") }
        guard status.st_size <= sizeLimit else { throw foreign("\(status.st_size) bytes") }
        var bytes = [UInt8](repeating: 0, count: sizeLimit)
        let count = pread(descriptor, &bytes, sizeLimit, 0)
        guard count >= 0 else { throw FileSystem.failure("the lock cannot be read", path, errno) }
        let text = bytes[..<count]
        if text.allSatisfy({ $0 == 0 }) { return Content(holder: nil) }
        guard let object = (try? JSONValue(parsing: text))?.objectValue, let process = object["pid"]?.integerValue,
            process > 0, process <= Int(Int32.max), let host = object["host"]?.stringValue
        else { throw foreign("\(count) bytes of another kind") }
        return Content(holder: (process, host))
    }

    static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func held(_ path: String, _ output: String, _ holder: (process: Int, host: String)?) -> Fault {
        let other = holder.map { $0.host != hostName() } ?? false
        return Fault(
            .outputExists, "another run is writing this output", file: output,
            found: holder.map { "process \($0.process) on \($0.host)" } ?? "an unknown process",
            advice: other
                ? "wait for it; if that run is dead: rm \(ShellWord.quoted(path))"
                : "wait for it, or stop it and resume")
    }
}
