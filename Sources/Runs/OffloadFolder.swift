import Faults
import Files
import Recipes

extension PruneSettings {
    /// Whether the folder for what does not stay in memory is there: asked before any work, by plan and run.
    ///
    /// - Throws: `missingInput` or `badData` naming it.
    public func checkOffload() throws(Fault) {
        guard let offload else { return }
        let expected = "an existing folder on a fast disk"
        switch FileSystem.kind(offload) {
        case .folder: return
        case nil:
            throw Fault(
                .missingInput, "the offload folder does not exist", file: offload, place: "--offload",
                expected: expected, advice: "create the folder, or choose another")
        case .file, .other:
            throw Fault(
                .badData, "the offload folder is not a folder", file: offload, place: "--offload", expected: expected)
        }
    }
}
