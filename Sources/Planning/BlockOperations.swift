import Decoders
import Pruning

/// Floating-point operations of the matrix products of one block, by what is done with it; a multiply-add counts two.
struct BlockOperations {
    /// For one sequence.
    let forward: Double
    let statistics: Double
    let grams: Double
    let training: Double
    /// For all linears.
    let solve: Double
    let alternation: Double
    init(_ c: DecoderConfiguration, layer: Int, tokens: Int) {
        let sequence = Double(tokens)
        func shape(_ name: ProjectionName) -> (weights: Double, width: Double) {
            let shapes = name.linears.map { c.shape(of: $0, layer: layer) }
            let width = Double(shapes.first?.in ?? 0)
            return (Double(shapes.reduce(0) { $0 + $1.out }) * width, width)
        }
        forward = c.blockOperations(layer: layer, tokens: tokens)
        // Statistics look at what reaches `down` and need no product of it.
        statistics = forward - 2 * sequence * shape(.down).weights
        // Each product has two derivatives, but nobody asks for that of the block's input.
        training = 3 * forward - 2 * sequence * shape(.qkv).weights
        var (grams, solve, alternation) = (0.0, 0.0, 0.0)
        for name in c.blueprint.layers[layer].projections {
            let (weights, width) = shape(name)
            let square = width * width
            grams += sequence * square
            // Two Cholesky factors and an inverse; then every column changes those after it.
            solve += 4 / 3 * width * square + weights * width
            alternation +=
                Double(AlternatingDirections.products) * 2 * weights * width
                + Double(AlternatingDirections.inversions * name.linears.count) * width * square
        }
        (self.grams, self.solve, self.alternation) = (grams, solve, alternation)
    }

    /// About what an elimination of `columns` of a sub-layer's output matrix takes, all unless they are given: each
    /// changes the weight [hidden, width] and the inverse [width, width] of what is left.
    static func elimination(hidden: Int, width: Int, columns: Int? = nil) -> Double {
        func all(_ width: Double) -> Double { width * width * (Double(hidden) + 2 / 3 * width) }
        return all(Double(width)) - all(Double(width - (columns ?? width)))
    }
}
