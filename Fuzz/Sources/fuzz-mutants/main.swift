// Mutants without coverage, for toolchains without libFuzzer: fuzz-mutants TARGET SECONDS SEED FINDINGS
//
// The process starts itself again as a worker. When the worker dies or takes more than ten seconds for one input, the
// input is kept in FINDINGS and another worker goes on after it.
import Foundation
import FuzzTargets
import Mutation

let words = CommandLine.arguments
guard words.count >= 5, let target = FuzzTarget.named(words[1]), let seconds = Double(words[2]),
    let seed = UInt64(words[3])
else {
    print(
        "usage: fuzz-mutants TARGET SECONDS SEED FINDINGS\ntargets: \(FuzzTarget.all.map(\.name).joined(separator: " "))"
    )
    exit(64)
}
let findings = words[4]
let current = "\(findings)/.current-\(target.name)"

func work() throws -> Never {
    let seeds = try target.seeds()
    var mutator = Mutator(seed: seed)
    var choice = seed
    let end = Date().addingTimeInterval(seconds)
    var executions = 0
    while Date() < end {
        choice = choice &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let input = mutator.mutant(of: seeds[Int(choice >> 33) % seeds.count], target.format, limit: target.longest)
        try Data(input).write(to: URL(fileURLWithPath: current))
        alarm(10)
        target.execute(input)
        alarm(0)
        executions += 1
    }
    print("\(target.name): \(executions) executions")
    exit(0)
}

if words.count == 6 { try work() }
let begin = Date()
var found = 0
var next = seed
try FileManager.default.createDirectory(atPath: findings, withIntermediateDirectories: true)
while Date().timeIntervalSince(begin) < seconds {
    let worker = Process()
    worker.executableURL = URL(fileURLWithPath: words[0])
    let left = seconds - Date().timeIntervalSince(begin)
    worker.arguments = [target.name, "\(left)", "\(next)", findings, "worker"]
    try worker.run()
    worker.waitUntilExit()
    if worker.terminationReason == .exit, worker.terminationStatus == 0 { break }
    found += 1
    let kept = "\(findings)/\(target.name)-\(next)"
    try? FileManager.default.moveItem(atPath: current, toPath: kept)
    print("\(target.name): a finding, \(kept)")
    next &+= 1
}
try? FileManager.default.removeItem(atPath: current)
exit(found == 0 ? 0 : 1)
