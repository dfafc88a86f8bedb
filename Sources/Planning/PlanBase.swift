import Files
import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the process takes with its libraries at work and no weights in memory.
enum PlanBase {
    /// Bytes, after small amounts of every kind of work a run does.
    static func measure(_ device: Device) -> Int {
        warmUp(device)
        return residentBytes
    }

    private static func warmUp(_ device: Device) {
        let x = Tensor.full([256, 256], 0.01, device: device)
        x.diagonal().add(Tensor.full([256], 1, device: device))
        let weight = x.clone()
        weight.requireGradient()
        Engine.withGradient(true) { x.linear(weight).norm().backward() }
        _ = weight.takeGradient()
        let gram = Tensor.zeros([256, 256], device: device)
        gram.addGram(x)
        _ = gram.to(.float64).cholesky()?.choleskyInverse().cholesky(upper: true)
        _ = x.keepMask(2, of: 4)
    }

    private static var residentBytes: Int {
        #if os(Linux)
            // Pages; the second number is the resident set.
            let numbers = Machine.lines("/proc/self/statm").first?.split(separator: " ").compactMap { Int($0) } ?? []
            if numbers.count > 1 { return numbers[1] * Int(sysconf(Int32(_SC_PAGESIZE))) }
        #endif
        return Machine.peakMemoryBytes
    }
}
