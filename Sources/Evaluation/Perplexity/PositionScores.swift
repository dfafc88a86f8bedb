import Torch

/// Sums over scored positions, in float64.
struct PositionScores {
    private var loss = 0.0
    private var denseLoss = 0.0
    private var divergence = 0.0
    private var agreed = 0
    private var positions = 0

    mutating func add(_ scores: some Sequence<VocabularyScores.Score>) {
        for score in scores {
            loss += score.loss
            denseLoss += score.denseLoss
            divergence += score.divergence
            agreed += score.agrees ? 1 : 0
            positions += 1
        }
    }

    func measurement(_ windows: TokenWindows, hasDense: Bool) -> Measurement {
        Measurement(
            windows: windows.count, context: windows.length, scoredTokens: positions,
            meanLoss: loss / Double(positions),
            divergence: hasDense ? means : nil, scoredBytes: windows.scoredBytes)
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
