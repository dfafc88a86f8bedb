// What a structural search saves, in one run and as ratios.
//
//   swift run -c release structural-benchmarks MODEL [--threads n] [--float32] [--part solver|search|serve]
//
// solver: all levels of a sub-layer from one pass of eliminations, against one pass from the dense matrix for each
// level. search: a generation of 32 offspring on 2,048 tokens, against 32 forward passes of the dense model with the
// output
//         matrix at every position.
// serve:  tokens per second of the dense model and of one with half of its parameters, reading a prompt of 512 tokens
// and
//         writing, at batch 1 and 8.
//
// Which units go does not change the time: candidates keep the first ones.
import Checkpoints
import Decoders
import Torch

var model = ""
var threads = 2
var compute = DType.bfloat16
var part = ""
var arguments = CommandLine.arguments.dropFirst()
while let word = arguments.popFirst() {
    switch word {
    case "--threads": threads = arguments.popFirst().flatMap { Int($0) } ?? 2
    case "--float32": compute = .float32
    case "--part": part = arguments.popFirst() ?? ""
    default: model = word
    }
}
guard !model.isEmpty else { fatalError("usage: MODEL [--threads n] [--float32] [--part solver|search|serve]") }
try Engine.checkVersion()
Engine.setThreads(threads)
let benchmarks = StructuralBenchmarks(decoder: try Decoder(try Checkpoint.open(model)), compute: compute)

if part.isEmpty || part == "solver" { try benchmarks.solver() }
if part.isEmpty || part == "search" { try benchmarks.search() }
if part.isEmpty || part == "serve" { try benchmarks.serve() }
