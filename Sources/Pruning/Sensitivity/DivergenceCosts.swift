import Decoders
import Faults
import Torch

/// What changes of single linears cost in KL(dense ‖ changed), all of them from one pass forward and one pass back
/// through the dense model.
///
/// A change ΔW moves a linear's output at position t by δ_t = ΔW·x_t. To second order the mean divergence of the
/// model's predictions grows by ½·E_t[(g_t·δ_t)²], where g_t is the gradient of ⟨v, logits⟩ by that output and v is
/// drawn with the Fisher information of the predictions p as its covariance, diag(p) − p·pᵀ. One v is drawn for each
/// position, and positions are taken for independent.
public struct DivergenceCosts {
    /// Changes [Σ out, in] of a block's projections; one that is absent stays as it is.
    public typealias Changes = [ProjectionName: Tensor]

    private let passage: Passage
    private let batch: Int
    private let rotary: RotaryTable
    private let tape: StateTape
    /// By what leaves the block that is looked at.
    private let gradient: HiddenStream

    /// The most bytes that hidden states of so many numbers and a gradient take at once beside the embedded text.
    ///
    /// - Parameter bytes: what the states may take; where even the fewest take more, it is these.
    public static func stateBytes(layers: Int, numbers: Int, bytes: Int) -> Int {
        let state = numbers * DType.bfloat16.byteCount
        let spacing = StateTape.spacing(layers: layers, state: state, bytes: bytes)
        return state * StateTape.held(layers: layers, spacing: spacing) + numbers * DType.float32.byteCount
    }

    private var compute: DType { passage.compute }
    private var decoder: Decoder { passage.source.decoder }

    /// Passes forward through the dense model, and back through its head.
    ///
    /// - Parameters:
    ///   - passage: over the dense model, in float32.
    ///   - input: the embedded text.
    ///   - batch: sequences that pass a block together.
    ///   - place: of the hidden states in front of the blocks, which are kept as bfloat16.
    ///   - bytes: what these states may take; where they take more, some are made again on the way back.
    ///   - progress: told the share of the passes forward that is done.
    /// - Throws: `inputOutput` when weights cannot be read or the folder does not take the states.
    public init(
        _ passage: Passage, input: HiddenStream, batch: Int, seed: UInt64,
        place: HiddenStream.Place = .memory(.cpu), bytes: Int = .max,
        progress: (Double) -> Void = { _ in }
    ) throws(Fault) {
        (self.passage, self.batch) = (passage, batch)
        rotary = passage.source.decoder.rotary(positions: input.tokens)
        tape = try StateTape(
            passage, input: input, rotary: rotary, batch: batch, place: place, bytes: bytes, progress: progress)
        gradient = try HiddenStream(
            samples: input.samples, tokens: input.tokens, hidden: input.hidden, place: place)
        try drawGradients(behind: try tape.front(of: passage.layerCount), seed: seed)
    }

    /// Draws v for every position, and takes its gradient back through the head.
    private func drawGradients(behind last: HiddenStream, seed: UInt64) throws(Fault) {
        let output = try decoder.outputMatrix(dtype: compute.forGradients)
        for range in last.batches(of: max(1, DivergenceCosts.headNumbers / max(1, last.tokens * last.hidden))) {
            let first = range.lowerBound * last.tokens
            let hidden = try last.read(range).to(decoder.device).reshaped([-1, last.hidden])
            let found = try FisherGradient.of(hidden, output) { positions, tokens in
                Tensor.signs(
                    seed: seed, rows: first + positions.lowerBound..<first + positions.upperBound, columns: tokens,
                    of: output.vocabularySize
                ).to(decoder.device)
            }
            try gradient.write(found.reshaped([range.count, last.tokens, last.hidden]), at: range.lowerBound)
        }
    }

    /// Numbers of the hidden states that go through the head together: the output matrix is read twice for them.
    private static let headNumbers = 1 << 24

    /// The most that the passes back through the head hold beside the states, for plans: rows of the output matrix,
    /// what is made of the positions that pass together, and what is made of a piece of their logits.
    ///
    /// - Parameters:
    ///   - tokens: of a sample.
    ///   - width: bytes of a number of the products.
    public static func headBytes(_ configuration: DecoderConfiguration, samples: Int, tokens: Int, width: Int) -> Int {
        let sample = tokens * configuration.hiddenSize
        let numbers = min(samples, max(1, headNumbers / max(1, sample))) * sample
        // The states, normalised, the slope after the norm and its cast, and the gradient.
        return OutputMatrix.readBytes(configuration, width: width) + numbers * (3 * 4 + 2 * width)
            + OutputMatrix.pieceElements * 6 * 4
    }

    /// Passes back through the blocks, from the last to the first, and gives the cost of a change of each linear by
    /// itself.
    ///
    /// Passes go back once: of one `DivergenceCosts` either this or `replacements` is asked for.
    ///
    /// - Parameters:
    ///   - changes: of a dense block.
    ///   - progress: told the share of the passes back that is done.
    /// - Returns: by layer, in nats.
    /// - Throws: what reading weights and `changes` throw.
    public func linears(
        progress: (Double) -> Void = { _ in }, changes: (Block) throws(Fault) -> Changes
    ) throws(Fault) -> [[LinearName: Double]] {
        let layers = passage.layerCount
        var costs = [[LinearName: Double]](repeating: [:], count: layers)
        try passage.backward { (step) throws(Fault) in
            let (layer, dense) = (step.layer, step.block)
            let states = try tape.front(of: layer)
            let block = dense.to(compute.forGradients)
            let changes = try changes(dense).mapValues { $0.to(compute.forGradients) }
            for range in gradient.batches(of: batch) {
                var inputs: [ProjectionName: Tensor] = [:]
                var outputs: [ProjectionName: Tensor] = [:]
                try passBack(states, range) { x in
                    block(
                        x, rotary: rotary, observer: { inputs[$0] = $1.detached() },
                        outputs: { name, output in
                            output.retainGradient()
                            outputs[name] = output
                        })
                }
                Engine.withoutGradient {
                    for (name, change) in changes {
                        guard let input = inputs[name], let slope = outputs[name]?.takeGradient() else { continue }
                        let product = input.linear(change).to(.float32) * slope.to(.float32)
                        var offset = 0
                        for part in block[name].parts {
                            let own = product.narrowed(2, offset, part.rows)
                            costs[layer][part.name, default: 0] += cost(own)
                            offset += part.rows
                        }
                    }
                }
            }
            progress(Double(layers - layer) / Double(layers))
        }
        return costs
    }

    /// Passes back as `linears` does, and gives the costs of whole sub-layers in place of the dense ones.
    ///
    /// - Parameters:
    ///   - counts: of the replacements of attention and of the MLP of a layer.
    ///   - replacement: a block that holds the nth of them, given the dense block; its other sub-layer is not looked
    ///     at.
    /// - Returns: by layer, in nats.
    public func replacements(
        counts: (Int) -> (attention: Int, mlp: Int), progress: (Double) -> Void = { _ in },
        replacement: (_ dense: Block, _ isAttention: Bool, _ index: Int) throws(Fault) -> Block
    ) throws(Fault) -> [(attention: [Double], mlp: [Double])] {
        let layers = passage.layerCount
        var costs = [(attention: [Double], mlp: [Double])](repeating: ([], []), count: layers)
        try passage.backward { (step) throws(Fault) in
            let layer = step.layer
            let states = try tape.front(of: layer)
            let dense = step.block.to(compute.forGradients)
            // What enters each sub-layer, and the gradients by what leaves it.
            var parts: [SecondOrderDivergence.Pass] = []
            for range in gradient.batches(of: batch) {
                let last = try gradient.read(range).to(decoder.device).clone()
                var (middle, inner): (Tensor?, Tensor?)
                let input = try passBack(states, range) { x in
                    let attended = dense.attend(x, rotary: rotary)
                    if dense.hasAttention { attended.retainGradient() }
                    middle = attended
                    guard dense.hasMLP else { return attended }
                    let output = dense.contract(dense.expand(attended))
                    inner = output.detached()
                    return attended + output
                }
                guard let middle else { continue }
                parts.append(
                    .init(
                        input: input, attended: middle.detached(),
                        slope: dense.hasAttention ? middle.takeGradient() : last, inner: inner, last: last))
            }
            let count = counts(layer)
            for index in 0..<count.attention {
                let block = try replacement(dense, true, index)
                costs[layer].attention.append(
                    Engine.withoutGradient {
                        parts.reduce(0) { $0 + cost($1.attention(of: block, rotary: rotary)) }
                    })
            }
            for index in 0..<count.mlp {
                let block = try replacement(dense, false, index)
                costs[layer].mlp.append(
                    Engine.withoutGradient {
                        parts.reduce(0) { $0 + ($1.mlp(of: block).map(cost) ?? 0) }
                    })
            }
            progress(Double(layers - layer) / Double(layers))
        }
        return costs
    }

    /// - Parameter products: g_j·δ_j of some samples' positions, [samples, positions, j].
    private func cost(_ products: Tensor) -> Double {
        SecondOrderDivergence.cost(products, of: gradient.samples * gradient.tokens)
    }

    /// Runs a block on some samples and takes their gradients back through it.
    ///
    /// - Returns: what entered the block.
    @discardableResult
    private func passBack(
        _ states: HiddenStream, _ range: Range<Int>, forward: (Tensor) -> Tensor
    ) throws(Fault) -> Tensor {
        let x = try states.read(range).to(decoder.device).clone()
        let behind = try gradient.read(range).to(decoder.device)
        try gradient.write(
            SecondOrderDivergence.back(x, behind: behind, through: forward), at: range.lowerBound)
        return x.detached()
    }
}
