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
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
            guard descriptor >= 0 else { throw FileSystem.failure("the lock cannot be made", path, errno) }
            do throws(Fault) {
                let locked = flock(descriptor, LOCK_EX | LOCK_NB) == 0
                if !locked, errno == EWOULDBLOCK { throw StagingLock.held(path, output, StagingLock.holder(path)) }
                // Between open and flock the last holder may have removed the file: then another one has its name.
                guard StagingLock.isStill(descriptor, at: path) else {
                    close(descriptor)
                    continue
                }
                let holder = StagingLock.holder(path)
                let host = StagingLock.hostName()
                if let holder {
                    let alive = !locked && holder.process != getpid() && kill(pid_t(holder.process), 0) == 0
                    if holder.host != host || alive { throw StagingLock.held(path, output, holder) }
                }
                let text = JSONValue.object(["pid": .integer(Int(getpid())), "host": .string(host)])
                let line = Array((text.text(pretty: false) + "\n").utf8)
                guard ftruncate(descriptor, 0) == 0 else {
                    throw FileSystem.failure("the lock cannot be written", path, errno)
                }
                let result: Result<Void, Fault> = line.withUnsafeBytes { buffer in
                    do throws(Fault) { return .success(try OutputFile.writeAll(buffer, to: descriptor, path)) } catch {
                        return .failure(error)
                    }
                }
                try result.get()
            } catch {
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

    private static func isStill(_ descriptor: Int32, at path: String) -> Bool {
        var opened = stat()
        var named = stat()
        return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino
            && opened.st_dev == named.st_dev
    }

    /// Who the file names; nil for an empty or damaged file, which a crash can leave.
    private static func holder(_ path: String) -> (process: Int, host: String)? {
        guard let object = try? JSONFile.object(path), let process = object["pid"]?.integerValue, process > 0,
            process <= Int(Int32.max), let host = object["host"]?.stringValue
        else { return nil }
        return (process, host)
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
            found: holder.map { "process \($0.process) on \($0.host)" } ?? "an unnamed process",
            advice: other
                ? "wait for it; if that run is dead, remove \(path)" : "wait for it, or stop it and resume")
    }
}
