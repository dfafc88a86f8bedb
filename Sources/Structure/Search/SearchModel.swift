import Decoders
import Faults
import Torch

/// The model under search: its dense blocks, and what a distribution makes of some text.
///
/// The fitness of a genome is the mean over scored positions of KL(dense ‖ pruned) over the whole vocabulary. Blocks in
/// front of the first one in which it differs from the parent are not computed again.
public final class SearchModel {
    /// Text of one selection stage.
    private final class Stage {
        /// [n, tokens, hidden] float32 in front of the first block.
        let input: Tensor
        /// The dense model's hidden states behind the last block, at the scored positions, [positions, hidden].
        var teacher: Tensor?
        /// The dense model's logits there, [positions, vocabulary], where they are few enough to keep.
        var logits: Tensor?
        /// The parent's hidden states in front of some blocks.
        var prefixes: [Int: Tensor] = [:]

        init(input: Tensor) { self.input = input }
    }

    /// Makes a pruned block of a dense one, in the number type of the products, and the levels of its attention and its
    /// MLP; never asked for with both at 0, which is the dense block itself.
    public typealias Maker = (_ dense: Block, _ attention: Int, _ mlp: Int) throws(Fault) -> Block

    private let blocks: [Block]
    private let output: OutputMatrix
    private let rotary: RotaryTable
    private let maker: Maker
    private let stages: [Stage]
    private let positions: Tensor
    private var parent: Genome
    /// The parent's pruned blocks, as they were first needed.
    private var parentBlocks: [Int: Block] = [:]
    /// Bytes of the parent's hidden states that are kept for a stage where nothing else is said.
    public static let prefixBytes = 256 << 20
    /// One position in so many is scored; all are seen.
    private let stride: Int
    /// Bytes of hidden states of the parent that are kept for a stage.
    private let prefixBytes: Int

    /// Bytes of the dense model's logits that are kept for a stage.
    public static let logitBytes = 128 << 20
    /// One position in so many is scored where nothing else is said.
    public static let scoredEvery = 4

    /// - Parameters:
    ///   - tokens: samples of equal length.
    ///   - samples: how many of them, from the first, each stage looks at.
    public init(
        _ decoder: Decoder, compute: DType, tokens: [[Int32]], samples: [Int], stride: Int = SearchModel.scoredEvery,
        prefixBytes: Int = SearchModel.prefixBytes, maker: @escaping Maker
    ) throws(Fault) {
        var blocks: [Block] = []
        for layer in 0..<decoder.configuration.layerCount { blocks.append(try decoder.block(layer).to(compute)) }
        self.blocks = blocks
        self.maker = maker
        self.stride = stride
        self.prefixBytes = prefixBytes
        let length = tokens.first?.count ?? 0
        output = try decoder.head(dtype: compute).matrix
        rotary = decoder.rotary(positions: length)
        let hidden = decoder.configuration.hiddenSize
        let longest = samples.max() ?? 0
        let embedded = try decoder.embedded(Array(tokens.prefix(longest).joined()))
            .reshaped([min(longest, tokens.count), length, hidden])
        stages = samples.map { Stage(input: embedded.narrowed(0, 0, min($0, tokens.count))) }
        // The last position of a sample predicts nothing that is there, but its distribution is as good as another.
        let scored = Swift.stride(from: stride - 1, to: max(length, stride), by: stride).map {
            Int64(min($0, length - 1))
        }
        positions = Tensor(scored, device: decoder.device)
        parent = Genome(repeating: 0, count: 2 * blocks.count)
        for stage in stages {
            let teacher = try behind(stage, parent, keeping: true)
            stage.teacher = teacher
            let bytes = teacher.size(0) * output.vocabularySize * compute.byteCount
            if bytes <= SearchModel.logitBytes {
                stage.logits = try Engine.withoutGradient { () throws(Fault) in try output.logits(teacher) }
            }
        }
    }

    /// Makes a genome the one whose hidden states are kept.
    public func setParent(_ genome: Genome) throws(Fault) {
        guard genome != parent else { return }
        let first = firstDifference(genome)
        parentBlocks = parentBlocks.filter { levels(genome, $0.key) == levels(parent, $0.key) }
        parent = genome
        for stage in stages {
            let input = start(stage, before: first)
            stage.prefixes = stage.prefixes.filter { $0.key <= input.layer }
            _ = try run(stage, genome, from: input, keeping: true)
        }
    }

    /// Mean KL on a stage's text.
    public func fitness(_ genome: Genome, stage index: Int) throws(Fault) -> Double {
        let stage = stages[index]
        guard let teacher = stage.teacher else { return .nan }
        let found = try behind(stage, genome, keeping: false)
        let dense = stage.logits.map(OutputMatrix.Dense.logits) ?? .model(output, stream: teacher)
        let scores = try Engine.withoutGradient { () throws(Fault) in
            // Every position counts, whatever follows it.
            try output.scores(found, against: dense, targets: [Int64](repeating: 0, count: found.size(0)))
        }
        return scores.reduce(0) { $0 + $1.divergence } / Double(max(1, scores.count))
    }

    private func firstDifference(_ genome: Genome) -> Int {
        (genome.indices.first { genome[$0] != parent[$0] } ?? 2 * blocks.count) / 2
    }

    /// The nearest kept hidden states in front of a block or before it.
    private func start(_ stage: Stage, before layer: Int) -> (layer: Int, hidden: Tensor) {
        let nearest = stage.prefixes.keys.filter { $0 <= layer }.max()
        return nearest.flatMap { key in stage.prefixes[key].map { (key, $0) } } ?? (0, stage.input)
    }

    private func behind(_ stage: Stage, _ genome: Genome, keeping: Bool) throws(Fault) -> Tensor {
        let input = keeping ? (0, stage.input) : start(stage, before: firstDifference(genome))
        let output = try run(stage, genome, from: input, keeping: keeping)
        return Engine.withoutGradient {
            output.selected(positions, dimension: 1).reshaped([-1, output.size(2)])
        }
    }

    private func run(
        _ stage: Stage, _ genome: Genome, from input: (layer: Int, hidden: Tensor), keeping: Bool
    ) throws(Fault) -> Tensor {
        let room = max(1, prefixBytes)
        let spacing = max(1, (stage.input.byteCount * blocks.count + room - 1) / room)
        var x = input.hidden
        for layer in input.layer..<blocks.count {
            if keeping, layer > 0, layer.isMultiple(of: spacing) { stage.prefixes[layer] = x }
            let block = try block(layer, genome)
            x = Engine.withoutGradient { block(x, rotary: rotary) }
        }
        return x
    }

    private func block(_ layer: Int, _ genome: Genome) throws(Fault) -> Block {
        let levels = levels(genome, layer)
        if levels == [0, 0] { return blocks[layer] }
        let isParents = levels == self.levels(parent, layer)
        if isParents, let kept = parentBlocks[layer] { return kept }
        let pruned = try maker(blocks[layer], levels[0], levels[1])
        if isParents { parentBlocks[layer] = pruned }
        return pruned
    }

    private func levels(_ genome: Genome, _ layer: Int) -> [Int] { [genome[2 * layer], genome[2 * layer + 1]] }
}
