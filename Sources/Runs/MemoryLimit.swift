import Files
import Settings
import Torch

/// How much a run may hold where it has a choice: of the GPU's memory when it computes there, else of the process's.
package struct MemoryLimit {
    package let device: Device
    /// What may be held in all.
    package let bytes: Int

    /// - Parameter asked: nil is half of what is free.
    package init(_ asked: ByteSize?, device: Device) {
        self.device = device
        if let memory = DeviceMemory.of(device) {
            bytes = asked?.bytes ?? memory.held + memory.free / 2
        } else {
            bytes = MemoryLimit.bytes(asked, held: Machine.residentBytes)
        }
    }

    /// Of a process that holds so much.
    package static func bytes(_ asked: ByteSize?, held: Int) -> Int {
        asked?.bytes ?? held + (FreeMemory.free() ?? 8 << 30) / 2
    }

    /// What more may be taken now.
    package var left: Int {
        if let memory = DeviceMemory.of(device) { return max(0, bytes - memory.held) }
        Machine.returnFreedMemory()
        return max(0, bytes - Machine.residentBytes)
    }
}
