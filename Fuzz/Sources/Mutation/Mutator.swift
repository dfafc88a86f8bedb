import Randomness

/// Makes mutants of an input. The same seed makes the same mutant.
public struct Mutator {
    private var random: SplitMix64

    public init(seed: UInt64) { random = SplitMix64(seed: seed) }

    /// One to four changes; every fifth change is of single bytes, whatever the format.
    ///
    /// - Parameter limit: bytes of the mutant at most.
    public mutating func mutant(of input: [UInt8], _ format: Format, limit: Int) -> [UInt8] {
        var bytes = input
        for _ in 0...below(4) {
            let changed = below(5) == 0 ? changedBytes(bytes) : changed(bytes, format)
            if changed.count <= limit { bytes = changed }
        }
        return bytes
    }

    private mutating func changed(_ bytes: [UInt8], _ format: Format) -> [UInt8] {
        switch format {
        case .bytes: changedBytes(bytes)
        case .json: changedJSON(bytes)
        case .jsonLines: changedLines(bytes)
        case .yaml: changedYAML(bytes)
        case .safetensors: changedSafetensors(bytes)
        case .gguf: changedGGUF(bytes)
        }
    }

    /// A number from 0 to `bound` - 1.
    mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(max(1, bound))) }

    mutating func any<T>(_ values: [T]) -> T { values[below(values.count)] }
}
