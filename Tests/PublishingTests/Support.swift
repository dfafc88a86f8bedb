import Faults
import TestSupport
import Testing

/// A fault of this kind with these words is what `body` throws; another error or none fails the test.
func fault<Value>(
    _ kind: Fault.Kind, _ words: String..., at location: SourceLocation = #_sourceLocation,
    from body: () throws -> Value
) {
    for mistake in faultMistakes(kind, words, from: body) { Issue.record("\(mistake)", sourceLocation: location) }
}

func bytes(of floats: [Float]) -> [UInt8] {
    floats.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
}
