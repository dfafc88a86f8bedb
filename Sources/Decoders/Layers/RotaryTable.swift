import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Cosine and sine of every position's angles, [positions, head dimension / 2], float32; where the scaling says so,
/// times a factor that makes attention sharper.
public struct RotaryTable {
    public let cosine: Tensor
    public let sine: Tensor

    public init(_ configuration: RotaryConfiguration, headDimension: Int, positions: Int, device: Device = .cpu) {
        let frequencies = configuration.frequencies(headDimension: headDimension)
        let attention = configuration.attention
        var cosines: [Float] = []
        var sines: [Float] = []
        cosines.reserveCapacity(positions * frequencies.count)
        sines.reserveCapacity(positions * frequencies.count)
        for position in 0..<positions {
            for frequency in frequencies {
                // In float32, as the models were trained.
                let angle = Float(position) * frequency
                cosines.append(cosf(angle) * attention)
                sines.append(sinf(angle) * attention)
            }
        }
        cosine = Tensor(cosines, shape: [positions, frequencies.count], device: device)
        sine = Tensor(sines, shape: [positions, frequencies.count], device: device)
    }

    private init(cosine: Tensor, sine: Tensor) {
        self.cosine = cosine
        self.sine = sine
    }

    /// The rows of the given positions, in their order.
    public func rows(at positions: [Int]) -> RotaryTable {
        let index = Tensor(positions.map(Int64.init), device: cosine.device)
        return RotaryTable(cosine: cosine.selected(index), sine: sine.selected(index))
    }

    /// The rows of `count` positions from `first`.
    public func positions(_ first: Int, _ count: Int) -> RotaryTable {
        first == 0 && count == cosine.size(0)
            ? self
            : RotaryTable(
                cosine: cosine.narrowed(0, first, count).contiguous(), sine: sine.narrowed(0, first, count).contiguous()
            )
    }
}

extension RotaryConfiguration {
    /// What cosine and sine are multiplied by.
    var attention: Float {
        if case .yarn(let yarn) = scaling { return Float(yarn.attention) }
        return 1
    }

    /// Angle per position of each pair: θ^(−2i/d), scaled.
    func frequencies(headDimension: Int) -> [Float] {
        (0..<headDimension / 2).map { pair in
            let frequency = 1 / powf(Float(theta), Float(2 * pair) / Float(headDimension))
            switch scaling {
            case .none: return frequency
            case .linear(let factor): return frequency / Float(factor)
            case .llama3(let factor, let low, let high, let context):
                // Wavelengths beyond context/low are stretched by the factor, those under context/high are not.
                let wavelength = 2 * Double.pi / Double(frequency)
                if wavelength > context / low { return Float(Double(frequency) / factor) }
                if wavelength < context / high { return frequency }
                let smooth = (context / wavelength - low) / (high - low)
                return Float((1 - smooth) * Double(frequency) / factor + smooth * Double(frequency))
            case .yarn(let yarn):
                let kept = yarn.kept(pair: pair, headDimension: headDimension, theta: theta)
                return Float(Double(frequency) * (kept + (1 - kept) / yarn.factor))
            }
        }
    }
}

extension Yarn {
    /// How much of a pair's own frequency stays: 1 where it turns fast, 0 where it turns slowly, a ramp between.
    func kept(pair: Int, headDimension: Int, theta: Double) -> Double {
        // The pair that makes a number of rotations over the original context, as a fraction of pairs.
        func place(_ rotations: Double) -> Double {
            Double(headDimension) * log(originalContext / (rotations * 2 * .pi)) / (2 * log(theta))
        }
        var (first, last) = (place(fastRotations), place(slowRotations))
        if truncates { (first, last) = (first.rounded(.down), last.rounded(.up)) }
        first = max(first, 0)
        last = min(last, Double(headDimension - 1))
        // Not a step of no width.
        if first == last { last += 0.001 }
        return 1 - min(max((Double(pair) - first) / (last - first), 0), 1)
    }
}
