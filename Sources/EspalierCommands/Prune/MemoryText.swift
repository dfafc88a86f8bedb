import EspalierKit
import Recipes

/// What a run may hold where there is a choice, for people.
enum MemoryText {
    /// "1.00 GB (--memory)", or "7.50 GB of the GPU's (half of what is free)".
    static func limit(_ bytes: Int, _ settings: PruneSettings, ofGPU isGPU: Bool) -> String {
        Amount.bytes(bytes) + (isGPU ? " of the GPU's" : "")
            + (settings.memory == nil ? " (half of the free memory)" : " (--memory)")
    }
}
