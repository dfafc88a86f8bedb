import Testing

@testable import Checkpoints

struct DequantisationTests {
    /// The fixtures hold random blocks and what the format's own Python package makes of them.
    @Test(arguments: GGUFTensorType.allCases.filter { $0 != .f32 })
    func valuesAreBitEqualToTheReference(type: GGUFTensorType) throws {
        let blocks = try Fixture.bytes("\(type.name).blocks")
        let expected = try Fixture.bytes("\(type.name).float32")
        #expect(blocks.count / type.blockBytes * type.blockSize * 4 == expected.count)
        var values = [Float](repeating: .nan, count: expected.count / 4)
        blocks.withUnsafeBytes { source in
            values.withUnsafeMutableBufferPointer { Dequantisation.dequantise(source, type, into: $0) }
        }
        let differing = zip(values.indices, values).filter { index, value in
            littleEndian(value.bitPattern) != Array(expected[index * 4..<index * 4 + 4])
        }
        #expect(differing.isEmpty, "first at \(differing.first?.0 ?? -1)")
    }
}
