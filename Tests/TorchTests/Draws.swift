import Randomness
import Torch

/// Random numbers that are the same in every run.
struct Draws {
    private var generator: SplitMix64

    init(_ seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// Uniform in [-1, 1).
    mutating func number() -> Float { Float(generator.next() >> 40) * 0x1p-23 - 1 }
    mutating func numbers(_ count: Int) -> [Float] { (0..<count).map { _ in number() } }
    mutating func tensor(_ shape: [Int]) -> Tensor { Tensor(numbers(shape.reduce(1, *)), shape: shape) }
    /// A whole number in 0 ..< bound.
    mutating func whole(_ bound: Int) -> Int { Int(generator.next() % UInt64(bound)) }
}

/// ‖found − expected‖ / ‖expected‖ in float64.
func relativeError(_ found: [Float], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    var difference = 0.0
    var size = 0.0
    for (a, b) in zip(found, expected) {
        difference += (Double(a) - b) * (Double(a) - b)
        size += b * b
    }
    return (difference / max(size, 1e-300)).squareRoot()
}

func relativeError(_ found: [Float], _ expected: [Float]) -> Double { relativeError(found, expected.map(Double.init)) }

/// A value rounded to a number type, to nearest even.
func rounded(_ value: Float, to type: DType) -> Float {
    switch type {
    case .bfloat16:
        let bits = value.bitPattern
        return Float(bitPattern: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) & 0xFFFF_0000)
    case .float16:
        // Numbers of 11 bits down to 2⁻¹⁴, below it the multiples of 2⁻²⁴.
        guard value.isFinite else { return value }
        let unit = Swift.max(value.ulp * 0x1p13, 0x1p-24)
        let result = (value / unit).rounded(.toNearestOrEven) * unit
        return result.magnitude > 65504 ? (value < 0 ? -.infinity : .infinity) : result
    default: return value
    }
}
