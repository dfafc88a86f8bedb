// `import EspalierKit` is all that a program needs to do what the verbs do: it brings the modules whose types stand in
// the kit's own interfaces. A program that wants one of them alone imports that one.
@_exported import Calibration
@_exported import Checkpoints
@_exported import Decoders
@_exported import Endpoint
@_exported import Evaluation
@_exported import Faults
@_exported import Gate
@_exported import JSONText
@_exported import Planning
@_exported import Pruning
@_exported import Recipes
@_exported import Reports
@_exported import Runs
@_exported import Settings
@_exported import Tasks
@_exported import Tokenization
@_exported import Torch
@_exported import Watch
