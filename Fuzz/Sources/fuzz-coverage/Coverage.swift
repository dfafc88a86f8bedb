// What libFuzzer calls. It brings the main function; the target is named by ESPALIER_FUZZ_TARGET.
import Foundation
import FuzzTargets
import Mutation

nonisolated(unsafe) private let target: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["ESPALIER_FUZZ_TARGET"] ?? ""
    guard let target = FuzzTarget.named(name) else {
        print("ESPALIER_FUZZ_TARGET must be one of: \(FuzzTarget.all.map(\.name).joined(separator: " "))")
        exit(64)
    }
    return target
}()

/// Writes the seeds into the first folder that libFuzzer was given.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>>>
) -> Int32 {
    let words = (0..<Int(count.pointee)).map { String(cString: arguments.pointee[$0]) }
    guard let folder = words.dropFirst().first(where: { !$0.hasPrefix("-") }),
        FileManager.default.fileExists(atPath: folder + "/.")
    else { return 0 }
    do {
        for (index, seed) in try target.seeds().enumerated() {
            try Data(seed).write(to: URL(fileURLWithPath: "\(folder)/seed-\(index)"))
        }
    } catch {
        print("the seeds cannot be made: \(error)")
        exit(74)
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    target.execute(Array(UnsafeBufferPointer(start: data, count: count)))
    return 0
}

@_silgen_name("LLVMFuzzerMutate")
private func libraryMutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int) -> Int

/// Three of four mutants know the format; the others are libFuzzer's own.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: UInt32) -> Int {
    guard seed % 4 != 0 else { return libraryMutate(data, count, limit) }
    var mutator = Mutator(seed: UInt64(seed))
    let input = Array(UnsafeBufferPointer(start: data, count: count))
    let mutant = mutator.mutant(of: input, target.format, limit: min(limit, target.longest))
    guard mutant.count <= limit else { return count }
    mutant.withUnsafeBufferPointer { data.update(from: $0.baseAddress ?? UnsafePointer(data), count: $0.count) }
    return mutant.count
}
