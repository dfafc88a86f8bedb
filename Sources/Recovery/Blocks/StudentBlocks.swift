import Faults
import Torch

/// The student's blocks between their uses, with what is trained of them.
protocol StudentBlocks: AnyObject {
    var layerCount: Int { get }
    /// A block to pass through; what the pass leaves at its leaves is handed to `collect`.
    func block(_ layer: Int) throws(Fault) -> TrainedBlock
    /// Takes up the gradients that one of a step's passes left in a block.
    ///
    /// - Parameter pass: its number, from 0, of so many `passes`.
    func collect(_ layer: Int, _ block: TrainedBlock, pass: Int, of passes: Int) throws(Fault)
    /// Moves all parameters by the gradients of a step's passes.
    ///
    /// - Returns: the norm of the gradient before it was clipped. When it is no number, nothing was changed.
    func step(_ optimizer: AdamW, rate: Double, step: Int) throws(Fault) -> Double
    /// Does what `step` does and puts everything back as it was, but for the gradients of the passes since the last
    /// step, which are forgotten. For clocks.
    ///
    /// - Returns: seconds that a step would take.
    func rehearse(_ optimizer: AdamW) throws(Fault) -> Double
    /// Masters and moments of a layer by name, float32.
    func state(of layer: Int) throws(Fault) -> [(name: String, values: Tensor)]
    /// Puts a layer back; `read` gives the values of a name.
    func restore(
        _ layer: Int, onlyMasters: Bool, read: (_ name: String, _ shape: [Int]) throws(Fault) -> Tensor
    ) throws(Fault)
    /// Parameters that are trained.
    var trainedCount: Int { get }
}

/// Blocks that stay in memory.
final class ResidentBlocks: StudentBlocks {
    private let blocks: [TrainedBlock]

    init(_ blocks: [TrainedBlock]) { self.blocks = blocks }

    var layerCount: Int { blocks.count }
    var trainedCount: Int { parameters.reduce(0) { $0 + $1.master.count } }
    private var parameters: [TrainedParameter] { blocks.flatMap { $0.parameters.map(\.parameter) } }

    func block(_ layer: Int) -> TrainedBlock { blocks[layer] }

    func collect(_ layer: Int, _ block: TrainedBlock, pass: Int, of passes: Int) {
        block.collect(isOnly: passes == 1)
    }

    func step(_ optimizer: AdamW, rate: Double, step: Int) -> Double {
        Engine.withoutGradient {
            let gradients = blocks.map { $0.parameters.map { $0.parameter.takeGradient() } }
            // By block first, as where blocks are on the disk: the same sum to the last bit.
            let squares = zip(blocks, gradients).map { block, gradients in
                zip(block.parameters, gradients).reduce(0) { $0 + $1.0.parameter.squareSum(of: $1.1) }
            }
            let norm = squares.reduce(0, +).squareRoot()
            guard norm.isFinite else { return norm }
            let factor = optimizer.factor(norm: norm)
            for (block, gradients) in zip(blocks, gradients) {
                for ((_, parameter), gradient) in zip(block.parameters, gradients) {
                    optimizer.move(parameter, gradient: gradient, factor: factor, rate: rate, step: step)
                }
                for adapter in block.adapters.values { adapter.refresh() }
            }
            return norm
        }
    }

    func rehearse(_ optimizer: AdamW) -> Double {
        Engine.withoutGradient {
            var watch = StepWatch()
            for block in blocks {
                for (_, parameter) in block.parameters {
                    let gradient = parameter.takeGradient()
                    watch.rehearse(parameter, gradient, optimizer)
                }
                watch.measure { for adapter in block.adapters.values { adapter.refresh() } }
            }
            return watch.seconds
        }
    }

    func state(of layer: Int) -> [(name: String, values: Tensor)] { blocks[layer].state }

    func restore(
        _ layer: Int, onlyMasters: Bool, read: (_ name: String, _ shape: [Int]) throws(Fault) -> Tensor
    ) throws(Fault) {
        for (key, parameter) in blocks[layer].parameters {
            let shape = parameter.master.shape
            let master = try read(key.name, shape)
            Engine.withoutGradient { parameter.master.copy(from: master) }
            guard !onlyMasters else { continue }
            parameter.first.copy(from: try read(key.name + ".first", shape))
            parameter.second.copy(from: try read(key.name + ".second", shape))
        }
        blocks[layer].refresh()
    }
}
