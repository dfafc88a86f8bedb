/// What numbers lose when they are stored in a type.
package struct QuantisationLoss: Equatable, Sendable {
    /// Σ x²
    package private(set) var squares = 0.0
    /// Σ (x' − x)², with x' what is read back
    package private(set) var errors = 0.0
    package private(set) var count = 0
    /// Numbers that are zero.
    package private(set) var zeros = 0
    /// Of them, those that are read back as another number.
    package private(set) var filledZeros = 0

    package init() {}

    /// - Parameters:
    ///   - source: whole blocks.
    ///   - stored: their bytes.
    package init(_ source: UnsafeBufferPointer<Float>, _ type: GGUFTensorType, _ stored: UnsafeRawBufferPointer) {
        count = source.count
        // A part at a time, which stays in the processor's cache.
        let step = 4096
        withUnsafeTemporaryAllocation(of: Float.self, capacity: step) { read in
            for start in stride(from: 0, to: source.count, by: step) {
                let part = UnsafeBufferPointer(rebasing: source[start..<min(start + step, source.count)])
                let first = start / type.blockSize * type.blockBytes
                let bytes = part.count / type.blockSize * type.blockBytes
                let target = UnsafeMutableBufferPointer(rebasing: read[..<part.count])
                Dequantisation.dequantise(
                    UnsafeRawBufferPointer(rebasing: stored[first..<first + bytes]), type, into: target)
                add(part, UnsafeBufferPointer(target))
            }
        }
    }

    private mutating func add(_ source: UnsafeBufferPointer<Float>, _ read: UnsafeBufferPointer<Float>) {
        var (squares, errors): (Float, Float) = (0, 0)
        for index in source.indices {
            let (x, y) = (source[index], read[index])
            squares += x * x
            errors += (y - x) * (y - x)
            guard x == 0 else { continue }
            zeros += 1
            if y != 0 { filledZeros += 1 }
        }
        self.squares += Double(squares)
        self.errors += Double(errors)
    }

    package static func += (total: inout QuantisationLoss, other: QuantisationLoss) {
        total.squares += other.squares
        total.errors += other.errors
        total.count += other.count
        total.zeros += other.zeros
        total.filledZeros += other.filledZeros
    }

    /// √(Σ (x' − x)² / Σ x²)
    package var relativeError: Double { squares > 0 ? (errors / squares).squareRoot() : 0 }
}
