import CTorch

/// What tensors take of a GPU's memory, in bytes; the driver's own context comes on top.
public struct DeviceMemory: Equatable, Sendable {
    /// What they can still have.
    public var free: Int
    /// What they have.
    public var held: Int
    /// The most that they have had so far.
    public var peak: Int

    /// - Returns: nil for the processor, whose memory is the process's.
    public static func of(_ device: Device) -> DeviceMemory? {
        guard case .cuda(let index) = device else { return nil }
        var (free, held, peak) = (Int64(0), Int64(0), Int64(0))
        Engine.require(esp_device_memory(Int32(index), &free, &held, &peak))
        return DeviceMemory(free: Int(free), held: Int(held), peak: Int(peak))
    }
}
