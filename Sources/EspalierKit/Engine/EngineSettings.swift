import Faults
import JSONText
import Settings
import Torch

/// The engine as it was made ready for a command.
public struct EngineSettings: Equatable, Sendable {
    /// Of the processor.
    public var threads: Int
    /// Where tensors live.
    public var device: Device
    /// Of the matrix products.
    public var dtype: DType
    /// What the user should hear of it.
    public private(set) var warnings: [String] = []

    /// Checks the library, sets the threads, opens the device.
    public init(threads: Int?, device choice: DeviceChoice, dtype format: NumberFormat) throws(Fault) {
        try self.init(threads: threads, device: choice, dtype: format, hasGPU: Processor.hasGPU)
    }

    init(threads: Int?, device choice: DeviceChoice, dtype format: NumberFormat, hasGPU: Bool) throws(Fault) {
        try Engine.checkVersion()
        self.threads = threads ?? Processor.availableCores
        try Engine.checkThreads(self.threads)
        Engine.setThreads(self.threads)
        Engine.keepFreedMemory()
        let cores = Processor.availableCores
        if self.threads > cores {
            // A recipe brings the threads of the machine that it was made on.
            warnings.append(
                "\(self.threads) threads share \(Amount.count(cores, "core")): --threads \(cores) is faster, but "
                    + "adds up "
                    + "in another order, so that results differ a little")
        }
        switch choice {
        case .cpu: device = .cpu
        case .cuda(let index):
            try Engine.loadCUDA(index: index)
            device = .cuda(index)
        case .auto:
            device = .cpu
            // Opening CUDA's library takes seconds; without the driver's device files it cannot help.
            guard hasGPU else { break }
            do throws(Fault) {
                try Engine.loadCUDA(index: 0)
                device = .cuda(0)
            } catch {
                warnings.append(
                    "there is a GPU, but \(error.found ?? error.summary): computing on the processor; "
                        + "\(error.advice ?? "see --device")")
            }
        }
        switch format {
        case .auto: dtype = device != .cpu || Engine.hasFastBFloat16 ? .bfloat16 : .float32
        case .float32: dtype = .float32
        case .bfloat16: dtype = .bfloat16
        case .float16: dtype = .float16
        }
    }

    /// Where tensors live.
    public var deviceName: String {
        switch device {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    /// What a result depends on besides its inputs.
    public var environment: JSONValue {
        .object([
            "espalier": .string(EspalierVersion.number), "torch": .string(Engine.loadedVersion),
            "threads": .integer(threads), "device": .string(deviceName), "dtype": .string("\(dtype)"),
            "cpu": .string(Processor.name),
        ])
    }
}
