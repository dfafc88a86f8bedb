import Faults
import JSONText
import Recipes
import Torch

/// The engine as it was made ready for a command.
public struct EngineSettings: Equatable, Sendable {
    public var threads: Int
    public var device: Device
    /// Of the matrix products.
    public var dtype: DType

    /// Checks the library, sets the threads, opens the device.
    public init(threads: Int?, device choice: DeviceChoice, dtype format: NumberFormat) throws(Fault) {
        try Engine.checkVersion()
        self.threads = threads ?? Processor.availableCores
        Engine.setThreads(self.threads)
        device = try EngineSettings.device(choice)
        switch format {
        case .auto: dtype = device != .cpu || Engine.hasFastBFloat16 ? .bfloat16 : .float32
        case .float32: dtype = .float32
        case .bfloat16: dtype = .bfloat16
        case .float16: dtype = .float16
        }
    }

    private static func device(_ choice: DeviceChoice) throws(Fault) -> Device {
        switch choice {
        case .cpu: return .cpu
        case .cuda(let index):
            try Engine.loadCUDA(index: index)
            return .cuda(index)
        case .auto:
            // Opening CUDA's library takes seconds; without the driver's device files it cannot help.
            guard Processor.hasGPU else { return .cpu }
            do throws(Fault) { try Engine.loadCUDA(index: 0) } catch { return .cpu }
            return .cuda(0)
        }
    }

    public var deviceName: String {
        switch device {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }

    /// What a result depends on besides its inputs.
    public var environment: JSONValue {
        .object([
            "espalier": .string(Espalier.versionNumber), "torch": .string(Engine.loadedVersion),
            "threads": .integer(threads), "device": .string(deviceName), "dtype": .string("\(dtype)"),
            "cpu": .string(Processor.name),
        ])
    }
}
