import Faults

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The memory that this process can still have, asked before something of a size that a file or a flag says is read or
/// made: an allocation that fails ends the process without a word of what to do.
package enum FreeMemory {
    /// Smaller pieces are not asked for: the answer costs a few system calls.
    private static let unasked = 64 << 20

    /// - Throws: `interrupted`, as when memory runs out later, with what it would take.
    package static func check(_ bytes: Int, for purpose: String, file: String? = nil) throws(Fault) {
        guard bytes > unasked, let free = free(), bytes > free else { return }
        throw Fault(
            .interrupted, "there is not enough memory for \(purpose)", file: file, found: "\(megabytes(free)) MB free",
            expected: "\(megabytes(bytes)) MB",
            advice: "free memory, use a machine with more, or give a smaller input")
    }

    private static func megabytes(_ bytes: Int) -> Int { bytes >> 20 }

    /// Bytes; nil where the system does not say.
    package static func free() -> Int? {
        let bounds = [availableOnMachine(), leftOfControlGroup(), leftOfAddressSpace()].compactMap { $0 }
        return bounds.min().map { max(0, $0) }
    }

    /// What the kernel could give without paging out, and the swap that is free.
    private static func availableOnMachine() -> Int? {
        guard let text = small("/proc/meminfo") else { return nil }
        func value(_ key: String) -> Int? {
            text.split(separator: "\n").first { $0.hasPrefix(key + ":") }
                .flatMap { $0.dropFirst(key.count + 1).split(separator: " ").first.flatMap { Int($0) } }
        }
        return value("MemAvailable").map { ($0 + (value("SwapFree") ?? 0)) << 10 }
    }

    /// Of a container, under both versions of control groups as a process in it sees them.
    private static func leftOfControlGroup() -> Int? {
        for (limit, use) in [
            ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
        ] {
            guard let most = small(limit).flatMap(integer), let used = small(use).flatMap(integer) else { continue }
            // Cached files count as used and are given back.
            let cached = small(FileSystem.joined(FileSystem.parent(limit), "memory.stat")).flatMap { text in
                text.split(separator: "\n").first { $0.hasPrefix("inactive_file ") }
                    .flatMap { Int($0.dropFirst("inactive_file ".count)) }
            }
            return most - used + (cached ?? 0)
        }
        return nil
    }

    private static func leftOfAddressSpace() -> Int? {
        #if canImport(Glibc)
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < rlim_t(Int.max),
                let pages = small("/proc/self/statm").flatMap({ $0.split(separator: " ").first.flatMap { Int($0) } })
            else { return nil }
            return Int(limit.rlim_cur) - pages * Int(sysconf(Int32(_SC_PAGESIZE)))
        #else
            return nil
        #endif
    }

    private static func integer(_ text: String) -> Int? { Int(text.prefix { $0 != "\n" }) }

    /// A text of the kernel's, which has no size before it is read.
    private static func small(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 14)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }
}
