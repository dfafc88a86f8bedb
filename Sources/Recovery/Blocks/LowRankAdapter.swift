import Decoders
import Randomness
import Torch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// LoRA (Hu et al., 2021) on the linears of a projection: W = W₀ + s · B A with s = alpha / rank, under the mask of what
/// was pruned.
///
/// The sum is made once for a step, so that a pass multiplies by one matrix. Where the weight has zeros that must stay,
/// W = (W₀ + s · B A) ⊙ M, and the gradients of A and B follow from that of the whole weight (MaskLoRA); elsewhere they
/// are made without it.
final class LowRankAdapter {
    /// [linears · r, in]
    let a: TrainedParameter
    /// [Σ out, r], of the linears that have an adapter.
    let b: TrainedParameter
    let linears: [(name: LinearName, rows: Range<Int>)]
    let scale: Double
    let rank: Int
    /// The weight before, [Σ out, in] float32.
    private let start: Tensor
    /// What passes multiply by, in the products' number type; under a mask a leaf.
    let weight: Tensor
    /// Whether zeros of the weight must stay.
    let isMasked: Bool

    /// - Parameters:
    ///   - projection: float32.
    ///   - linears: those that get an adapter, at least one.
    ///   - seed: of A; B is zero at first.
    init(
        _ projection: Projection, linears: Set<LinearName>, rank: Int, alpha: Double, dtype: DType, seed: UInt64
    ) {
        var (offset, rows): (Int, [(name: LinearName, rows: Range<Int>)]) = (0, [])
        for part in projection.parts {
            if linears.contains(part.name) { rows.append((part.name, offset..<offset + part.rows)) }
            offset += part.rows
        }
        self.linears = rows
        self.rank = rank
        scale = alpha / Double(rank)
        start = projection.weight
        let width = projection.inputWidth
        // As PEFT begins: uniform within ±1 / √in.
        a = TrainedParameter(
            LowRankAdapter.uniform([rows.count * rank, width], within: 1 / Double(width).squareRoot(), seed: seed)
                .to(start.device),
            dtype: dtype, keepsZeros: false)
        b = TrainedParameter(
            Tensor.zeros([rows.reduce(0) { $0 + $1.rows.count }, rank], device: start.device), dtype: dtype,
            keepsZeros: false)
        isMasked = LowRankAdapter.isPruned(start)
        weight = start.to(dtype) === start ? start.clone() : start.to(dtype)
        if isMasked { weight.requireGradient() }
    }

    /// Whether so many weights are zero that somebody must have made them so.
    static func isPruned(_ weight: Tensor) -> Bool {
        weight.isEqual(to: 0).sum().scalar > 0.001 * Double(weight.count)
    }

    private static func uniform(_ shape: [Int], within limit: Double, seed: UInt64) -> Tensor {
        var generator = SplitMix64(seed: seed)
        let values = (0..<shape.reduce(1, *)).map { _ in
            Float((Double(generator.next() >> 11) * 0x1p-53 * 2 - 1) * limit)
        }
        return Tensor(values, shape: shape)
    }

    /// What stands in a block for the projection.
    func projection(_ original: Projection, dtype: DType) -> Projection {
        var result = original.with(weight: weight)
        if !isMasked {
            result.adapter = Projection.LowRank(
                a: a.working, b: b.working, scale: scale, parts: linears.map(\.rows))
        }
        return result
    }

    /// Some linear's part of A [r, in] and of B [out, r], float32.
    func factors(_ index: Int) -> (a: Tensor, b: Tensor) {
        let offset = linears[..<index].reduce(0) { $0 + $1.rows.count }
        return (
            a.master.detached().narrowed(0, index * rank, rank),
            b.master.detached().narrowed(0, offset, linears[index].rows.count)
        )
    }

    /// The whole weight with its adapters, [Σ out, in] float32.
    func merged() -> Tensor {
        let merged = start.clone()
        merge(into: merged)
        return merged
    }

    /// Has passes use what A and B are now.
    func refresh() { Engine.withoutGradient { merge(into: weight) } }

    /// Sets the rows that have an adapter to W₀ + s · B A, under the mask.
    private func merge(into target: Tensor) {
        for (index, linear) in linears.enumerated() {
            let (a, b) = factors(index)
            let rows = (linear.rows.lowerBound, linear.rows.count)
            target.narrowed(0, rows.0, rows.1).set(
                sumOf: start.narrowed(0, rows.0, rows.1), (b * scale).matmul(a), keepsZeros: isMasked)
        }
    }

    /// Makes the gradients of A and B of a masked weight's.
    func collect() {
        guard isMasked else { return }
        Engine.withoutGradient {
            let gradient = weight.takeGradient()
            gradient.keepZeros(of: start)
            for (index, linear) in linears.enumerated() {
                let own = gradient.narrowed(0, linear.rows.lowerBound, linear.rows.count)
                // In the products' type, as a pass through A and B would have it.
                let places = (a: index * rank, b: linears[..<index].reduce(0) { $0 + $1.rows.count })
                let a = self.a.working.detached().narrowed(0, places.a, rank)
                let b = self.b.working.detached().narrowed(0, places.b, linear.rows.count)
                self.a.add(b.transposed(0, 1).matmul(own).to(.float32), scale: scale, at: places.a)
                self.b.add(own.matmul(a.transposed(0, 1)).to(.float32), scale: scale, at: places.b)
            }
        }
    }
}
