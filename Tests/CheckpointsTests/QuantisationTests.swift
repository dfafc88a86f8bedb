import Testing

@testable import Checkpoints

struct QuantisationTests {
    private func quantised(_ values: [Float], _ type: GGUFTensorType) -> (bytes: [UInt8], wrong: Int?) {
        var bytes = [UInt8](repeating: 0xAA, count: values.count / type.blockSize * type.blockBytes)
        let wrong = bytes.withUnsafeMutableBytes { target in
            values.withUnsafeBufferPointer { Quantisation.quantise($0, type, into: target) }
        }
        return (bytes, wrong)
    }

    /// The fixtures hold numbers and what the format's own Python package makes of them.
    @Test(arguments: Quantisation.types)
    func bytesAreThoseOfTheReference(type: GGUFTensorType) throws {
        let stored = try Fixture.bytes("quantised.float32")
        let values = stride(from: 0, to: stored.count, by: 4).map { place in
            Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(stored[place + $1]) << UInt32(8 * $1) })
        }
        let expected = type == .f32 ? stored : try Fixture.bytes("quantised.\(type.name)")
        let (bytes, wrong) = quantised(values, type)
        #expect(wrong == nil)
        #expect(bytes.count == expected.count)
        let differing = zip(bytes, expected).enumerated().first { $1.0 != $1.1 }
        #expect(differing == nil, "\(type.name): first at byte \(differing?.offset ?? -1)")
    }

    @Test(arguments: Quantisation.types.filter { $0 != .f32 })
    func numbersWithoutAPlaceAreNamed(type: GGUFTensorType) {
        var values = [Float](repeating: 0.5, count: 96)
        values[70] = type == .bf16 ? 3.4e38 : -1e30
        #expect(quantised(values, type).wrong == 70)
        guard type.isQuantised else { return }
        for value in [Float.nan, .infinity, -.infinity] {
            values[70] = value
            #expect(quantised(values, type).wrong == 70)
        }
    }

    /// Their inverse overflows; the float16 beside them is zero.
    @Test(arguments: Quantisation.types)
    func tinyNumbersAreWritten(type: GGUFTensorType) {
        let values = (0..<32).map { Float($0) * Float.leastNonzeroMagnitude * 3 }
        let (bytes, wrong) = quantised(values, type)
        #expect(wrong == nil)
        var read = [Float](repeating: .nan, count: 32)
        bytes.withUnsafeBytes { source in
            read.withUnsafeMutableBufferPointer { Dequantisation.dequantise(source, type, into: $0) }
        }
        #expect(read.allSatisfy { abs($0) < 1e-38 })
    }

    @Test(arguments: Quantisation.types)
    func zerosStayZeros(type: GGUFTensorType) {
        var read = [Float](repeating: .nan, count: 64)
        quantised([Float](repeating: 0, count: 64), type).bytes.withUnsafeBytes { source in
            read.withUnsafeMutableBufferPointer { Dequantisation.dequantise(source, type, into: $0) }
        }
        #expect(read.allSatisfy { $0 == 0 })
    }
}
