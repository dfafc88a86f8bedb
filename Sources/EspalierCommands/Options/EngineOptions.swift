import ArgumentParser
import EspalierKit
import Faults
import Settings

/// Where and how the arithmetic runs.
public struct EngineOptions: ParsableArguments {
    @Option(name: .long, help: "Number of CPU threads (default: the processor's cores).")
    public var threads: Int?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Device: auto, cpu, cuda or cuda:N; auto takes the first GPU if there is one (default: auto).",
            valueName: "device"), completion: .devices, transform: optionValue)
    public var device: DeviceChoice = .auto

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Data type of the matrix products: auto, float32, bfloat16 or float16; auto is bfloat16 where the "
                + "hardware supports it, else float32 (default: auto).", valueName: "type"),
        completion: .words(NumberFormat.self), transform: optionValue)
    public var dtype: NumberFormat = .auto

    public init() {}

    public mutating func validate() throws {
        if let threads, !(1...4096).contains(threads) {
            throw ValidationError("--threads must be between 1 and 4096, not \(threads).")
        }
    }

    /// Makes the engine ready.
    ///
    /// - Throws: `deviceUnavailable` when the device or the library cannot be used.
    public func start(_ reporter: ProgressReporter) throws(Fault) -> EngineSettings {
        let engine = try EngineSettings(threads: threads, device: device, dtype: dtype)
        engine.warnings.forEach(reporter.warning)
        return engine
    }
}

/// Reads an option's text; a fault becomes one sentence for the command line.
@Sendable func optionValue<Value: OptionValue>(_ text: String) throws -> Value {
    do throws(Fault) {
        return try Value(parsing: text)
    } catch {
        throw ValidationError(error.asFlagValue)
    }
}

extension Fault {
    /// What is wrong with the value of a flag, in one sentence without a final full stop.
    var asFlagValue: String {
        "\(summary)\(expected.map { "; expected \($0)" } ?? "")\(advice.map { "; \($0)" } ?? "")"
    }
}
