import Decoders
import Faults
import Torch

/// The regional gradient of WANDA++ (arXiv 2503.04992, eq. 2): how strongly each weight moves its own block's output.
public struct RegionalGradient {
    /// G [Σ out, in] for every projection, float32.
    public private(set) var values: [ProjectionName: Tensor] = [:]
    /// Σ x_j² of the dense block's inputs, a by-product of the same passes.
    public private(set) var statistics: InputStatistics

    /// One forward and one backward pass for each sequence: L_n = ‖f(X_n)‖_F over the whole output, residuals included,
    /// and G = sqrt(mean_n (∂L_n/∂W)²).
    ///
    /// - Parameter teacher: receives f(X_n), which the regional optimizer needs as its target anyway.
    public init(_ task: BlockTask, teacher: HiddenStream?) throws(Fault) {
        statistics = InputStatistics(block: task.block, device: task.device)
        var leaves = task.block
        for name in task.block.projections {
            let weight = task.block[name].weight.to(task.compute.forGradients).detached().clone()
            weight.requireGradient()
            leaves[name] = task.block[name].with(weight: weight)
            values[name] = Tensor.zeros(weight.shape, device: task.device)
        }
        let samples = task.input.samples
        let count = try task.ranks.sum(samples)
        for sample in 0..<samples {
            let x = try task.input.read(sample..<sample + 1).to(task.device)
            let statistics = self.statistics
            let output = Engine.withGradient(true) {
                let output = leaves(x, rotary: task.rotary) { name, input in
                    Engine.withoutGradient { statistics.add(name, input.detached()) }
                }
                output.norm().backward()
                return output.detached()
            }
            try teacher?.write(output, at: sample)
            for name in task.block.projections {
                let gradient = leaves[name].weight.takeGradient().to(.float32)
                values[name]?.addProduct(gradient, gradient, scale: 1 / Double(count))
            }
            task.progress(Double(sample + 1) / Double(samples))
        }
        for name in task.block.projections {
            guard let meanSquare = values[name] else { continue }
            try task.ranks.sum(meanSquare)
            values[name] = meanSquare.squareRoot()
        }
        try statistics.finish(task.ranks)
        guard statistics.areFinite(), values.values.allSatisfy({ $0.allFinite() }) else {
            throw Fault(
                .badData, "the regional gradient is not finite", place: "block \(task.layer)",
                advice: "run `espalier inspect` on the model, or use --dtype float32")
        }
    }
}
