import Foundation

#if canImport(Darwin)
    import Darwin
#endif

/// What is known of the machine.
enum Processor {
    /// Physical cores that this process may use: those of its affinity mask, and no more than a container's quota.
    static var availableCores: Int {
        #if os(Linux)
            var cores = Set<String>()
            for cpu in allowedCPUs {
                let topology = "/sys/devices/system/cpu/cpu\(cpu)/topology/"
                // CPUs with the same list of siblings are one core's threads.
                cores.insert(line(topology + "thread_siblings_list") ?? "cpu\(cpu)")
            }
            let count = cores.isEmpty ? ProcessInfo.processInfo.activeProcessorCount : cores.count
            return max(1, min(count, quota ?? count))
        #else
            var count: Int32 = 0
            var size = MemoryLayout<Int32>.size
            guard sysctlbyname("hw.physicalcpu", &count, &size, nil, 0) == 0, count > 0 else {
                return ProcessInfo.processInfo.activeProcessorCount
            }
            return Int(count)
        #endif
    }

    /// The processor's name, for reports.
    static var name: String {
        #if os(Linux)
            let lines = text("/proc/cpuinfo")?.split(separator: "\n") ?? []
            for key in ["model name", "Hardware", "Model"] {
                if let found = lines.first(where: { $0.hasPrefix(key) })?.split(separator: ":", maxSplits: 1).last {
                    return found.trimmingCharacters(in: .whitespaces)
                }
            }
            return "unknown"
        #else
            var size = 0
            guard sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0) == 0, size > 0 else { return "unknown" }
            var bytes = [UInt8](repeating: 0, count: size)
            guard sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0) == 0 else { return "unknown" }
            return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        #endif
    }

    /// Whether an NVIDIA driver has made a device file.
    static var hasGPU: Bool {
        FileManager.default.fileExists(atPath: "/dev/nvidia0") || FileManager.default.fileExists(atPath: "/dev/dxg")
    }

    #if os(Linux)
        /// "0-3,8" of /proc/self/status
        private static var allowedCPUs: [Int] {
            let status = text("/proc/self/status")?.split(separator: "\n") ?? []
            let list = status.first { $0.hasPrefix("Cpus_allowed_list:") }?.split(separator: ":").last ?? ""
            return list.trimmingCharacters(in: .whitespaces).split(separator: ",").flatMap { range -> [Int] in
                let ends = range.split(separator: "-").compactMap { Int($0) }
                guard let first = ends.first, let last = ends.last, first <= last else { return [] }
                return Array(first...last)
            }
        }

        /// Whole cores that a control group grants.
        private static var quota: Int? {
            let parts = line("/sys/fs/cgroup/cpu.max")?.split(separator: " ").compactMap { Double($0) } ?? []
            guard parts.count == 2, parts[1] > 0 else { return nil }
            return max(1, Int((parts[0] / parts[1]).rounded(.up)))
        }

        private static func line(_ path: String) -> String? {
            text(path).map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        }

        private static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
    #endif
}
