#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Facts of the machine and of this process.
public enum Machine {
    /// The most memory that this process has held so far, in bytes.
    public static var peakMemoryBytes: Int {
        #if os(Linux)
            // VmHWM: unlike getrusage's figure it starts anew with this program, not with whatever started it.
            if let line = lines("/proc/self/status").first(where: { $0.hasPrefix("VmHWM:") }),
                let kilobytes = Int(line.filter(\.isNumber))
            {
                return kilobytes * 1024
            }
        #endif
        #if canImport(Darwin)
            var usage = rusage()
            return getrusage(RUSAGE_SELF, &usage) == 0 ? Int(usage.ru_maxrss) : 0
        #else
            return 0
        #endif
    }

    /// The memory that this process holds now, in bytes.
    package static var residentBytes: Int {
        #if os(Linux)
            if let line = lines("/proc/self/status").first(where: { $0.hasPrefix("VmRSS:") }),
                let kilobytes = Int(line.filter(\.isNumber))
            {
                return kilobytes * 1024
            }
        #endif
        return 0
    }

    /// Makes `peakMemoryBytes` start anew from what is held now.
    ///
    /// - Returns: whether the system can.
    public static func resetPeakMemory() -> Bool {
        #if os(Linux)
            returnFreedMemory()
            guard let file = fopen("/proc/self/clear_refs", "w") else { return false }
            defer { fclose(file) }
            return fputs("5", file) >= 0 && fflush(file) == 0
        #else
            return false
        #endif
    }

    /// Gives the system back what the C library keeps of freed memory, where it has such a call: after the walk that is
    /// a hundred megabytes, on top of which the writing of the checkpoint would come.
    package static func returnFreedMemory() {
        #if os(Linux)
            typealias Trim = @convention(c) (Int) -> Int32
            guard let address = dlsym(nil, "malloc_trim") else { return }
            _ = unsafeBitCast(address, to: Trim.self)(0)
        #endif
    }

    /// The same in front of tensors of so many bytes, which do not fit into the pieces that are kept; for smaller ones
    /// it is not worth the time.
    package static func returnFreedMemory(before bytes: Int) { if bytes >= 32 << 20 { returnFreedMemory() } }

    package static func lines(_ path: String) -> [Substring] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
    }
}
