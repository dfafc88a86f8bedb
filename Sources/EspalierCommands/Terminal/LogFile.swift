import Faults
import Files
import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file to which a verb's progress is appended, each line with its time. The first line that cannot be written is the
/// last that is tried: a full disk must not change what a verb finds.
final class LogFile: Sendable {
    private let descriptor: Int32
    private let isBroken = Mutex(false)
    private let now: @Sendable () -> Date

    /// - Throws: `inputOutput` for what cannot be opened, for pipes, and for a file that is no log: nothing is
    ///   appended to a model or to results.
    init(_ path: String, now: @escaping @Sendable () -> Date = { .now }) throws(Fault) {
        // A pipe that nobody reads would hold up the work.
        descriptor = Self.opened(path)
        self.now = now
        guard descriptor >= 0 else { throw FileSystem.failure("the log cannot be opened", path, errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, [S_IFREG, S_IFCHR].contains(status.st_mode & S_IFMT) else {
            throw Fault(.inputOutput, "the log is neither a file nor a device", file: path)
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else { return }
        let start = try InputFile(path).bytes(at: 0, count: min(Int(status.st_size), LogFile.timeLength))
        guard LogFile.beginsWithTime(start) else {
            throw Fault(
                .inputOutput, "the file exists and is not a log", file: path,
                expected: "a new file, or one whose first line begins with a time", advice: "choose another name")
        }
    }

    /// The same without a reason where it cannot be.
    static func open(_ path: String) -> LogFile? { try? LogFile(path) }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private static func opened(_ path: String) -> Int32 {
        let flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK
        #if canImport(Darwin)
            return Darwin.open(path, flags, 0o666)
        #elseif canImport(Musl)
            return Musl.open(path, flags, 0o666)
        #else
            return Glibc.open(path, flags, 0o666)
        #endif
    }

    /// Appends every line of the text.
    func write(_ text: String) {
        let time = ISO8601DateFormatter().string(from: now())
        var lines = ""
        for line in text.split(separator: "\n") {
            lines += "\(time) \(Fault.harmless(String(line), limit: ProgressReporter.longestLine))\n"
        }
        isBroken.withLock { isBroken in
            guard !isBroken else { return }
            // At once, so that lines of two processes do not mix.
            isBroken = lines.withUTF8 { OutputFile.write(UnsafeRawBufferPointer($0), to: descriptor).code } != 0
        }
    }

    /// "2026-11-27T15:23:21Z"
    private static let timeLength = 20

    private static func beginsWithTime(_ bytes: [UInt8]) -> Bool {
        bytes.count == timeLength
            && zip(bytes, "0000-00-00T00:00:00Z".utf8).allSatisfy { byte, form in
                form == UInt8(ascii: "0")
                    ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == form
            }
    }
}
