import CTorch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the predictions of n positions say of the tokens that followed, collected while the vocabulary passes in
/// pieces.
///
/// The logits of the whole vocabulary never exist: a piece is read while it is in cache, once for all that is wanted
/// of it.
public final class VocabularyScores {
    /// Positions with a target, in order.
    public let positions: [Int]
    /// [n]; negative where nothing is scored.
    private let tokens: [Int64]
    private let targets: Tensor
    /// [n, `columns`] float64, as `esp_vocabulary_scores` describes them
    private let state: Tensor
    private let hasDense: Bool
    private let byTensors: Bool

    /// Four for each model, and one for both.
    private static let columns = 9

    /// - Parameters:
    ///   - targets: the token whose likelihood is wanted at each of n positions; negative at one that is not scored.
    ///   - hasDense: whether the predictions are compared with another model's.
    public convenience init(targets: [Int64], hasDense: Bool, device: Device) {
        self.init(targets: targets, hasDense: hasDense, device: device, byTensors: false)
    }

    /// - Parameter byTensors: has the processor work as devices without loops of their own do.
    init(targets: [Int64], hasDense: Bool, device: Device, byTensors: Bool) {
        positions = targets.indices.filter { targets[$0] >= 0 }
        tokens = targets
        self.targets = Tensor(targets, device: device)
        state = Tensor(esp_vocabulary_scores(Int64(targets.count), device.c))
        self.hasDense = hasDense
        self.byTensors = byTensors
    }

    /// Adds the logits of the tokens from `first` on for the positions of a range.
    ///
    /// - Parameters:
    ///   - logits: [rows.count, v] of any floating-point type that has loops, its rows contiguous; the pieces of a
    ///     position come in the vocabulary's order.
    ///   - dense: the dense model's, of the same shape.
    ///   - rows: the positions, of all that there are targets for.
    public func add(_ logits: Tensor, dense: Tensor?, rows: Range<Int>, first: Int) {
        precondition((dense != nil) == hasDense, "scores of one model and of two are kept apart")
        let own = state.narrowed(0, rows.lowerBound, rows.count)
        let wanted = targets.narrowed(0, rows.lowerBound, rows.count)
        // A handle does not keep its tensor.
        withExtendedLifetime((own, wanted)) {
            Engine.require(
                esp_add_vocabulary_scores(
                    own.handle, logits.handle, dense?.handle, wanted.handle, Int64(first), byTensors))
        }
    }

    /// What is known of a position once the whole vocabulary has passed. Not a number where a logit was not, and where
    /// the vocabulary does not hold the target.
    public struct Score: Equatable, Sendable {
        /// −ln p(target), in nats.
        public var loss: Double
        /// The dense model's.
        public var denseLoss: Double
        /// Σ_v p_dense(v) · (ln p_dense(v) − ln p(v)), in nats.
        public var divergence: Double
        /// Whether both find the same token likeliest, the lowest id among equals.
        public var agrees: Bool
        /// Whether the model finds the target likeliest.
        public var isLikeliest: Bool
    }

    /// The scores of the positions that have a target, in order.
    public func results() -> [Score] {
        var scores: [Score] = []
        scores.reserveCapacity(positions.count)
        // A part at a time, so that the state is not in memory twice.
        var part: Range<Int> = 0..<0
        var values: [Double] = []
        for position in positions {
            if !part.contains(position) {
                part = position..<min(position + VocabularyScores.resultsAtOnce, state.size(0))
                values = state.narrowed(0, part.lowerBound, part.count).doubles()
            }
            scores.append(
                score(values, VocabularyScores.columns * (position - part.lowerBound), target: tokens[position]))
        }
        return scores
    }

    private static let resultsAtOnce = 1 << 13

    /// - Parameter start: where the columns of a position begin in the values.
    private func score(_ values: [Double], _ start: Int, target: Int64) -> Score {
        let model = ModelScore(values[start..<start + 4])
        let isLikeliest = model.likeliest == Double(target)
        guard hasDense else {
            return Score(loss: model.loss, denseLoss: 0, divergence: 0, agrees: false, isLikeliest: isLikeliest)
        }
        let dense = ModelScore(values[start + 4..<start + 8])
        let divergence = values[start + 8] / dense.sum - dense.normaliser + model.normaliser
        return Score(
            loss: model.loss, denseLoss: dense.loss, divergence: divergence.isFinite ? divergence : .nan,
            agrees: model.likeliest == dense.likeliest, isLikeliest: isLikeliest)
    }

    /// One model's columns of a position.
    private struct ModelScore {
        let sum: Double
        /// ln Σ_v exp(logit)
        let normaliser: Double
        let loss: Double
        let likeliest: Double

        init(_ columns: ArraySlice<Double>) {
            let first = columns.startIndex
            sum = columns[first + 1]
            normaliser = columns[first] + log(sum)
            loss = normaliser - columns[first + 2]
            likeliest = columns[first + 3]
        }
    }
}
