import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The angles of every position, for each of the rotary embeddings that a model's layers have.
public struct RotaryTable {
    /// Cosine and sine, [positions, head dimension / 2], float32; where the scaling says so, times a factor that makes
    /// attention sharper.
    struct Angles {
        let cosine: Tensor
        let sine: Tensor
    }

    private let angles: [RotaryConfiguration: Angles]

    public init(
        _ configurations: some Collection<RotaryConfiguration>, headDimension: Int, positions: Int,
        device: Device = .cpu
    ) {
        angles = Dictionary(
            Set(configurations).map {
                ($0, Angles($0, headDimension: headDimension, positions: positions, device: device))
            }, uniquingKeysWith: { first, _ in first })
    }

    private init(_ angles: [RotaryConfiguration: Angles]) { self.angles = angles }

    /// The angles of one embedding.
    subscript(_ configuration: RotaryConfiguration) -> Angles {
        guard let found = angles[configuration] else {
            preconditionFailure("a block of another model, whose rotary embedding is not in the table")
        }
        return found
    }

    /// The rows of the given positions, in their order.
    public func rows(at positions: [Int]) -> RotaryTable {
        RotaryTable(
            angles.mapValues {
                let index = Tensor(positions.map(Int64.init), device: $0.cosine.device)
                return Angles(cosine: $0.cosine.selected(index), sine: $0.sine.selected(index))
            })
    }
}

extension RotaryTable.Angles {
    fileprivate init(_ configuration: RotaryConfiguration, headDimension: Int, positions: Int, device: Device) {
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

    /// The rows of `count` positions from `first`.
    func positions(_ first: Int, _ count: Int) -> RotaryTable.Angles {
        first == 0 && count == cosine.size(0)
            ? self
            : RotaryTable.Angles(
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
