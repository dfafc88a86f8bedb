import TestSupport

@testable import EspalierCommands
@testable import EspalierKit

/// Tells nobody anything.
var quiet: ProgressReporter {
    ProgressReporter(
        level: .quiet,
        surroundings: .init(
            isTerminal: false, style: Style(usesColour: false), width: { 80 }, clock: { 0 }, write: { _ in }))
}

/// A folder with a model of a few thousand weights.
func model(_ change: (inout TinyModel) -> Void = { _ in }) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    var model = TinyModel()
    change(&model)
    try model.write(to: folder)
    return folder
}
