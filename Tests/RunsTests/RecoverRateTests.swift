import Checkpoints
import Decoders
import Faults
import Recipes
import RunSupport
import Testing

@testable import Runs

@Suite("The learning rate of a recovery")
struct RecoverRateTests: RecoverySuite {
    let bench: Bench

    init() throws { bench = try RecoveryBench.bench() }

    @Test("a learning rate that is not named is a share of the weights that are there", arguments: TrainedPart.allCases)
    func defaultRate(trained: TrainedPart) throws {
        let context = try context(
            try settings("out") {
                $0.learningRate = nil
                $0.trained = trained
            })
        var (sum, count) = (0.0, 0)
        let decoder = try Decoder(try Checkpoint.open(bench.path("pruned")))
        for layer in 0..<decoder.configuration.layerCount {
            let block = try decoder.block(layer)
            for linear in block.linears {
                for value in block.weight(linear).floats() where value != 0 {
                    sum += Double(abs(value))
                    count += 1
                }
            }
        }
        let share: Double? = [.all: 0.0017, .lora: 0.0056][trained]
        let expected = share.map { $0 * sum / Double(count) } ?? 0.003
        #expect(abs(context.learningRate / expected - 1) < 0.05)
        // Two digits, which the published recipe says.
        #expect(context.settings.publishedRecipe.contains("learning_rate: \(context.learningRate)"))
        #expect("\(context.learningRate)".filter { ("1"..."9").contains($0) }.count <= 4)
        #expect(try RecoverRecipe(yaml: context.settings.publishedRecipe).learningRate == context.learningRate)
    }

    @Test("a model without weights gets a rate, too")
    func rateOfNothing() throws {
        let bench = try Bench(tokens: Bench.rows(40, 12)) {
            $0.edit = { name, values in
                if name.contains("proj") { for index in values.indices { values[index] = 0 } }
            }
        }
        let rate = try DefaultLearningRate.of(try Decoder(try Checkpoint.open(bench.model.path)), .all, scale: 1)
        #expect(rate == 3e-4)
    }

    @Test("a scale multiplies the rate, up to the digits that are written")
    func scaled() throws {
        let bench = try Bench(tokens: Bench.rows(40, 12))
        let model = try Decoder(try Checkpoint.open(bench.model.path))
        let (whole, half) = (
            try DefaultLearningRate.of(model, .all, scale: 1), try DefaultLearningRate.of(model, .all, scale: 0.5)
        )
        #expect(abs(half / whole - 0.5) < 0.03)
        #expect(try DefaultLearningRate.of(model, .norms, scale: 0.5) == 0.0015)
    }
}
