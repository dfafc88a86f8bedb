import Decoders
import Torch

/// Sums over scored positions, in float64.
struct PositionScores {
    private var loss = 0.0
    private var denseLoss = 0.0
    private var divergence = 0.0
    private var agreed = 0
    private var positions = 0

    /// Adds positions with logits [n, vocabulary], float32, and the ids [n] that followed. `dense` is the other model's
    /// logits for the same positions.
    mutating func add(logits: Tensor, dense: Tensor?, targets: [Int64]) {
        let index = Tensor(targets, shape: [targets.count, 1], device: logits.device)
        let logP = logits.logSoftmax(1)
        loss -= total(logP.gathered(index, dimension: 1))
        positions += targets.count
        guard let dense else { return }
        let logQ = dense.logSoftmax(1)
        denseLoss -= total(logQ.gathered(index, dimension: 1))
        divergence += total(Tensor.divergence(dense: logQ, pruned: logP))
        agreed += zip(logits.argmax(1).int64s(), dense.argmax(1).int64s()).count { $0 == $1 }
    }

    private func total(_ values: Tensor) -> Double { values.floats().reduce(0) { $0 + Double($1) } }

    func measurement(_ windows: TokenWindows, hasDense: Bool) -> Measurement {
        Measurement(
            windows: windows.count, context: windows.length, scoredTokens: positions,
            meanLoss: loss / Double(positions),
            divergence: hasDense ? means : nil)
    }

    /// Predictions that are no numbers agree with nothing.
    var promptScore: PromptScore {
        var means = means
        if means.kl.isNaN { means.topAgreement = .nan }
        return PromptScore(tokens: positions, meanLoss: loss / Double(positions), divergence: means)
    }

    private var means: Divergence {
        let count = Double(positions)
        return Divergence(
            kl: divergence / count, topAgreement: Double(agreed) / count, denseMeanLoss: denseLoss / count)
    }
}
