import Randomness
import Testing

@testable import Checkpoints

struct QuantisationTests {
    private func quantised(
        _ values: [Float], _ type: GGUFTensorType, weights: [Float]? = nil
    ) -> (bytes: [UInt8], wrong: Int?) {
        var bytes = [UInt8](repeating: 0xAA, count: values.count / type.blockSize * type.blockBytes)
        let wrong = bytes.withUnsafeMutableBytes { target in
            values.withUnsafeBufferPointer { Quantisation.quantise($0, type, weights: weights, into: target) }
        }
        return (bytes, wrong)
    }

    /// The fixtures hold numbers and what the format's own Python package makes of them.
    @Test(arguments: [GGUFTensorType.f32, .bf16, .f16, .q8_0, .q5_0, .q4_0])
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

    /// Where minima are fitted, no block is worse than the package's, and most are better.
    @Test(arguments: [GGUFTensorType.q5_1, .q4_1])
    func blocksWithMinimaAreNoWorseThanTheReference(type: GGUFTensorType) throws {
        let stored = try Fixture.bytes("quantised.float32")
        let values = stride(from: 0, to: stored.count, by: 4).map { place in
            Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(stored[place + $1]) << UInt32(8 * $1) })
        }
        let (own, reference) = (
            read(quantised(values, type).bytes, type), read(try Fixture.bytes("quantised.\(type.name)"), type)
        )
        var better = 0
        let blocks = values.count / 32
        for block in 0..<blocks {
            let range = block * 32..<block * 32 + 32
            let errors = [own, reference].map { error(Array(values[range]), Array($0[range]), [1]) }
            let size = error(Array(values[range]), [Float](repeating: 0, count: 32), [1])
            #expect(errors[0] <= errors[1] + 1e-6 * size, "block \(block)")
            if errors[0] < 0.99 * errors[1] { better += 1 }
        }
        #expect(better * 2 > blocks)
    }

    /// A block that has the type is stored as it is.
    @Test(arguments: [GGUFTensorType.q8_0, .q5_1, .q5_0, .q4_1, .q4_0])
    func aSecondTimeChangesNothing(type: GGUFTensorType) {
        let once = read(quantised(numbers(4096, seed: 3), type).bytes, type)
        #expect(read(quantised(once, type).bytes, type) == once)
    }

    @Test(arguments: Quantisation.types.filter { $0 != .f32 })
    func numbersWithoutAPlaceAreNamed(type: GGUFTensorType) {
        var values = [Float](repeating: 0.5, count: 3 * max(type.blockSize, 32))
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
        let values = (0..<max(type.blockSize, 32)).map { Float($0) * Float.leastNonzeroMagnitude * 3 }
        let (bytes, wrong) = quantised(values, type)
        #expect(wrong == nil)
        var read = [Float](repeating: .nan, count: values.count)
        bytes.withUnsafeBytes { source in
            read.withUnsafeMutableBufferPointer { Dequantisation.dequantise(source, type, into: $0) }
        }
        #expect(read.allSatisfy { abs($0) < 1e-38 })
    }

    @Test(arguments: Quantisation.types)
    func zerosStayZeros(type: GGUFTensorType) {
        var read = [Float](repeating: .nan, count: 512)
        quantised([Float](repeating: 0, count: 512), type).bytes.withUnsafeBytes { source in
            read.withUnsafeMutableBufferPointer { Dequantisation.dequantise(source, type, into: $0) }
        }
        #expect(read.allSatisfy { $0 == 0 })
    }

    private func read(_ bytes: [UInt8], _ type: GGUFTensorType) -> [Float] {
        var read = [Float](repeating: .nan, count: bytes.count / type.blockBytes * type.blockSize)
        bytes.withUnsafeBytes { source in
            read.withUnsafeMutableBufferPointer { Dequantisation.dequantise(source, type, into: $0) }
        }
        return read
    }

    private func error(_ values: [Float], _ read: [Float], _ weights: [Float]) -> Double {
        zip(values, read).enumerated().reduce(0) {
            let difference = Double($1.element.0) - Double($1.element.1)
            return $0 + Double(weights[$1.offset % weights.count]) * difference * difference
        }
    }

    /// Numbers about as weights are: many small ones, few large.
    private func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var generator = SplitMix64(seed: seed)
        return (0..<count).map { _ in
            (0..<6).reduce(Float(0)) { sum, _ in sum + generator.unit() - 0.5 } * 0.02
        }
    }

    /// What was stored once loses little when it is stored again: a model keeps its quality from file to file.
    @Test(arguments: [GGUFTensorType.q4_K, .q5_K, .q6_K])
    func aSecondTimeLosesLittle(type: GGUFTensorType) {
        let values = numbers(4096, seed: 3)
        let once = read(quantised(values, type).bytes, type)
        let again = read(quantised(once, type).bytes, type)
        #expect(error(once, again, [1]) < 0.06 * error(values, once, [1]))
    }

    /// A group of Q4_K by trying every scale and minimum of a fine grid in float64, which the fit must come near.
    @Test(arguments: [false, true])
    func fitsAreNearTheBestOnes(isWeighted: Bool) {
        for seed in 0..<8 as Range<UInt64> {
            let x = numbers(32, seed: seed)
            var generator = SplitMix64(seed: seed + 100)
            let w = (0..<32).map { _ in isWeighted ? 0.05 + 4 * generator.unit() : 1 }
            func error(_ d: Double, _ m: Double) -> Double {
                (0..<32).reduce(0) {
                    let q = min(max(((Double(x[$1]) - m) / d).rounded(), 0), 15)
                    let difference = d * q + m - Double(x[$1])
                    return $0 + Double(w[$1]) * difference * difference
                }
            }
            let (low, high) = (Double(x.min() ?? 0), Double(x.max() ?? 0))
            var best = Double.infinity
            for range in stride(from: 0.7, through: 1.1, by: 0.01) {
                for shift in stride(from: 0.7, through: 1.1, by: 0.01) {
                    best = min(best, error((high - low) * range / 15, low * shift))
                }
            }
            let fit = x.withUnsafeBufferPointer { x in
                w.withUnsafeBufferPointer { w in
                    BlockFit(x: x.baseAddress!, w: w.baseAddress!, count: 32).affine(levels: 15, isBelowZero: true)
                }
            }
            #expect(error(Double(fit.d), Double(fit.m)) < 1.1 * best)
        }
    }

    /// With weights the weighted error is smaller than without, by any type that uses them.
    @Test(arguments: [GGUFTensorType.q4_0, .q4_1, .q5_0, .q5_1, .q4_K, .q5_K, .q6_K])
    func weightsCount(type: GGUFTensorType) {
        var generator = SplitMix64(seed: 7)
        // Two rows of 512.
        let weights = (0..<512).map { _ in generator.unit() < 0.1 ? Float(20) : 0.5 }
        let values = numbers(1024, seed: 5)
        let (plain, weighted) = (quantised(values, type), quantised(values, type, weights: weights))
        #expect(weighted.wrong == nil)
        let before = error(values, read(plain.bytes, type), weights)
        #expect(error(values, read(weighted.bytes, type), weights) < 0.97 * before)
    }

    @Test(arguments: [GGUFTensorType.q4_0, .q5_0, .q6_K])
    func zerosStayBesideOthers(type: GGUFTensorType) {
        var values = numbers(512, seed: 9)
        for index in stride(from: 0, to: 512, by: 2) { values[index] = 0 }
        for weights in [nil, [Float](repeating: 2, count: 256)] {
            let read = read(quantised(values, type, weights: weights).bytes, type)
            #expect(stride(from: 0, to: 512, by: 2).allSatisfy { read[$0] == 0 })
        }
    }

    @Test func lossesAreCounted() {
        let values: [Float] = (0..<64).map { $0 % 2 == 0 ? 0 : Float($0) - 20.3 }
        for type in [GGUFTensorType.q4_0, .q4_1] {
            let bytes = quantised(values, type).bytes
            let loss = values.withUnsafeBufferPointer { source in
                bytes.withUnsafeBytes { QuantisationLoss(source, type, $0) }
            }
            let read = read(bytes, type)
            #expect(loss.count == 64 && loss.zeros == 32)
            #expect(loss.filledZeros == (0..<64).count { values[$0] == 0 && read[$0] != 0 })
            #expect((loss.filledZeros == 0) == (type == .q4_0))
            let expected = (error(values, read, [1]) / error(values, values.map { _ in 0 }, [1])).squareRoot()
            #expect(abs(loss.relativeError - expected) < 1e-6)
        }
    }
}

extension SplitMix64 {
    /// From 0 to below 1.
    fileprivate mutating func unit() -> Float { Float(next() >> 40) / Float(1 << 24) }
}
