import CTorch
import Faults

/// The process's libtorch: versions, threads, devices and what happens when it cannot go on.
public enum Engine {
    /// The release that this was built for and must run with.
    public static let version = "2.11.0"

    /// Version of the library that is loaded, without its flavour ("+cpu").
    public static var loadedVersion: String {
        String(String(cString: esp_version()).prefix { $0 != "+" })
    }

    /// - Throws: `Fault` when headers and library are of different releases: such a pair dies at odd places.
    public static func checkVersion() throws(Fault) {
        let headers = String(cString: esp_header_version())
        guard headers == version, loadedVersion == version || loadedVersion == "unknown" else {
            throw Fault(
                .deviceUnavailable, "the loaded libtorch does not match this program", found: loadedVersion,
                expected: version, advice: "set LIBTORCH to a libtorch \(version), or run `make setup` again")
        }
    }

    public static var threads: Int { Int(esp_threads()) }
    public static func setThreads(_ count: Int) { require(esp_set_threads(Int32(count))) }

    /// - Throws: `interrupted` when the system does not let this process have so many threads more: libtorch's pool
    ///   would
    ///   end the process without a word of what to do.
    public static func checkThreads(_ count: Int) throws(Fault) {
        guard !esp_can_make_threads(Int32(clamping: count)) else { return }
        throw Fault(
            .interrupted, "the system does not allow \(count) threads", place: "--threads",
            found: String(cString: esp_last_error_message()),
            advice: "use fewer --threads, or raise the limit (ulimit -u, or the pids limit of a container)")
    }

    /// Ends the process as libtorch's own lack of memory does, where the system would not give so much: an array of
    /// Swift's that cannot be had ends it with a trap.
    static func requireMemory(_ bytes: Int) { if bytes >= 1 << 20 { require(esp_can_allocate(Int64(bytes))) } }

    /// The parts into which a long loop of our own is divided.
    static var loopRanges: Int { Int(esp_loop_ranges()) }

    /// Whether the processor multiplies bfloat16 matrices in hardware.
    public static var hasFastBFloat16: Bool { esp_has_fast_bfloat16() }

    /// Opens CUDA's half of libtorch.
    public static func loadCUDA(index: Int) throws(Fault) {
        guard esp_load_cuda(Int32(index)) else {
            throw Fault(
                .deviceUnavailable, "CUDA cannot be used on this machine",
                found: String(cString: esp_last_error_message()),
                advice: "install a driver and a CUDA libtorch \(version), or use --device cpu")
        }
        let count = Int(esp_cuda_device_count())
        guard index < count else {
            throw Fault(
                .deviceUnavailable, "there is no CUDA device \(index)", found: "\(count) devices",
                advice: "use --device cuda:0")
        }
    }

    /// Waits until the GPU that was opened, if one was, has done what it was given: for clocks.
    public static func synchronize() { require(esp_synchronize()) }

    /// Runs `body` without recording for back-propagation.
    @discardableResult
    public static func withoutGradient<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withGradient(false, body)
    }

    /// Runs `body` with recording for back-propagation on or off.
    public static func withGradient<Result, Failure: Error>(
        _ enabled: Bool, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let before = esp_grad_enabled()
        esp_set_grad_enabled(enabled)
        defer { esp_set_grad_enabled(before) }
        return try body()
    }

    static func require(_ done: Bool, _ operation: StaticString = #function) {
        if !done { fail(operation) }
    }

    /// Ends the process: every operation may run out of memory or lose its device, and a formula in which each step
    /// `throws` could not be read. What a run has committed stays valid.
    static func fail(_ operation: StaticString) -> Never {
        let message = String(cString: esp_last_error_message())
        if let fault = fault(esp_last_error_kind(), message) {
            exitProcess(fault.exitCode, "error: \(fault)\n")
        }
        fatalError("\(operation): \(message)")
    }

    /// What the world did; nil when only a mistake of ours can be the cause.
    static func fault(_ kind: esp_error_kind, _ message: String) -> Fault? {
        switch kind {
        case ESP_ERROR_MEMORY:
            Fault(
                .interrupted, "out of memory", found: message,
                advice: "free memory or use a shorter --sequence-length, fewer --samples or --offload, then resume")
        case ESP_ERROR_DEVICE:
            Fault(
                .deviceUnavailable, "the GPU failed during the computation", found: message,
                advice: "look at the GPU and its driver with nvidia-smi; a prune run then continues with `espalier "
                    + "resume`, and --device cpu runs without the GPU")
        default: nil
        }
    }

    /// Has large pieces of freed memory kept by the process, where the C library can: for the whole process, so a tool
    /// asks for it and a library does not.
    public static func keepFreedMemory() { esp_keep_freed_memory() }
}
