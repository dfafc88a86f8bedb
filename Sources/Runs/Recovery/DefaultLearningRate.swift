import Decoders
import Faults
import Recipes
import Torch

/// The learning rate of a recovery for which none was named.
///
/// AdamW moves every weight by about the rate in each step, whatever the weight's size, and models differ much in the
/// size of their weights: the mean magnitude in the blocks of SmolLM2-135M is 0.15, of Qwen2.5-0.5B 0.02. A rate that
/// trains the one destroys the other, so the default is a share of that mean (Documentation/Experiments/Recovery.md).
enum DefaultLearningRate {
    /// - Parameter scale: of what it would be otherwise.
    /// - Throws: what reading blocks throws.
    static func of(_ student: Decoder, _ trained: TrainedPart, scale: Double) throws(Fault) -> Double {
        switch RecoverRecipe.defaultRate(trained) {
        case .absolute(let rate): return scale * rate
        case .share(let share):
            let mean = try meanMagnitude(student)
            return mean > 0 ? legible(scale * share * mean) : RecoverRecipe.rateWithoutWeights
        }
    }

    /// Blocks that are looked at, spread over the model.
    private static let mostBlocks = 4

    /// Of the weights of linears that are not zero.
    private static func meanMagnitude(_ student: Decoder) throws(Fault) -> Double {
        let layers = student.configuration.layerCount
        let looked = min(layers, mostBlocks)
        var (sum, count) = (0.0, 0.0)
        for index in 0..<looked {
            let block = try student.block((2 * index + 1) * layers / (2 * looked))
            for name in block.projections where block[name].weight.count > 0 {
                let weight = block[name].weight
                sum += weight.magnitude().sum().scalar
                count += Double(weight.count) - weight.isEqual(to: 0).sum().scalar
            }
        }
        return count > 0 ? sum / count : 0
    }

    /// Two digits say enough, and are easily written again.
    private static func legible(_ rate: Double) -> Double {
        guard rate > 0, rate.isFinite else { return rate }
        var digits = 0
        var scaled = rate
        while scaled < 10 {
            scaled *= 10
            digits += 1
        }
        return Double("\(Int(scaled.rounded()))e-\(digits)") ?? rate
    }
}
