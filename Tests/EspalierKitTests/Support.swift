import EspalierKit
import TestSupport

/// Tells nobody anything.
var quiet: SilentReporter { SilentReporter() }

/// A folder with a model of a few thousand weights.
func model(_ change: (inout TinyModel) -> Void = { _ in }) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    var model = TinyModel()
    change(&model)
    try model.write(to: folder)
    return folder
}
