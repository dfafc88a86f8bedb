import Decoders
import Faults
import Torch

/// The model under search: what distributions make of some text.
///
/// The fitness of a genome is the mean over scored positions of KL(dense ‖ pruned) over the whole vocabulary. Genomes
/// are measured together, in one passage over the blocks: each has a lane of hidden states that leaves the parent's
/// lane at the first block in which the two differ. Of the model, memory holds the block under visit, the blocks that
/// the passage's source keeps, and the output matrix.
public final class SearchModel {
    /// Text of one selection stage.
    private struct Stage {
        /// In front of the first block.
        let input: HiddenStream
        var teacher: Teacher?
    }

    /// What is kept of the dense model's predictions at the scored positions.
    private enum Teacher {
        /// Their logits, [positions, vocabulary], where they are few enough.
        case logits(Tensor)
        /// The hidden states after the last block, a position a sample.
        case states(HiddenStream)
    }

    /// A genome on its way.
    private struct Runner {
        /// Its place among the genomes asked for.
        let index: Int
        let genome: Genome
        /// The first layer in which it differs from the parent; the number of layers for the parent itself.
        let fork: Int
        /// From its fork on.
        var lane: SampleLane?
    }

    /// Makes a pruned block of a dense one, in the number type of the products, and the levels of its attention and its
    /// MLP; never asked for with both at 0, which is the dense block itself.
    public typealias Maker = (_ dense: Block, _ attention: Int, _ mlp: Int) throws(Fault) -> Block

    /// How hidden states are kept and moved.
    public struct Lanes {
        /// The number type in which they are kept.
        public var dtype: DType
        /// Where states go that take so many bytes, the lanes on their way among them.
        public var place: (Int) -> HiddenStream.Place
        /// Samples in one forward pass.
        public var batch: Int
        /// Bytes of the lanes that are on their way together; at least one is.
        public var bytes: Int

        public init(
            dtype: DType = .float32, place: @escaping (Int) -> HiddenStream.Place = { _ in .memory(.cpu) },
            batch: Int = 1, bytes: Int = 256 << 20
        ) {
            (self.dtype, self.place, self.batch, self.bytes) = (dtype, place, batch, bytes)
        }
    }

    private let passage: Passage
    private var lanes: Lanes
    private let output: OutputMatrix
    private let rotary: RotaryTable
    private let maker: Maker
    private var stages: [Stage] = []
    private let positions: Tensor
    private let logitBytes: Int
    private var parent: Genome

    /// The most bytes of the dense model's logits that are kept for a stage, in place of its hidden states.
    public static let logitBytes = 128 << 20
    /// Streams of a stage that are there together at the least: its input, the parent's lane, and another.
    public static let lanesAtLeast = 3
    /// One position in so many is scored where nothing else is said; all are seen.
    public static let scoredEvery = 4

    /// - Parameters:
    ///   - passage: over the dense model, its blocks in the number type of the products.
    ///   - tokens: samples of equal length.
    ///   - samples: how many of them, from the first, each stage looks at.
    ///   - logitBytes: of the dense model's logits that are kept for a stage.
    ///   - holdsOutput: whether the output matrix stays in memory, rather than being read for every measurement.
    public init(
        _ passage: Passage, tokens: [[Int32]], samples: [Int], lanes: Lanes = Lanes(),
        stride: Int = SearchModel.scoredEvery, holdsOutput: Bool = true, logitBytes: Int = SearchModel.logitBytes,
        maker: @escaping Maker
    ) throws(Fault) {
        (self.passage, self.lanes, self.maker, self.logitBytes) = (passage, lanes, maker, logitBytes)
        let decoder = passage.source.decoder
        let length = tokens.first?.count ?? 0
        output =
            holdsOutput
            ? try decoder.head(dtype: passage.compute).matrix : try decoder.outputMatrix(dtype: passage.compute)
        rotary = decoder.rotary(positions: length)
        // The last position of a sample predicts nothing that is there, but its distribution is as good as another.
        let scored = Swift.stride(from: stride - 1, to: max(length, stride), by: stride).map {
            Int64(min($0, length - 1))
        }
        positions = Tensor(scored, device: decoder.device)
        parent = Genome(repeating: 0, count: 2 * passage.layerCount)
        for count in samples.map({ min($0, tokens.count) }) {
            // With the parent's lane and another, which are kept where the input is.
            let bytes =
                SearchModel.lanesAtLeast * count * length * decoder.configuration.hiddenSize
                * lanes.dtype.byteCount
            let input = try HiddenStream(
                samples: count, tokens: length, hidden: decoder.configuration.hiddenSize, dtype: lanes.dtype,
                place: lanes.place(bytes))
            for range in input.batches(of: max(1, decoder.configuration.vocabularySize / max(1, length))) {
                try input.write(
                    try decoder.embedded(Array(tokens[range].joined()))
                        .reshaped([range.count, length, input.hidden]), at: range.lowerBound)
            }
            stages.append(Stage(input: input))
        }
        for index in stages.indices {
            try run([Runner(index: 0, genome: parent, fork: passage.layerCount)], stages[index]) {
                (_, hidden) throws(Fault) in
                stages[index].teacher = try teacher(hidden)
            }
        }
    }

    /// - Parameter hidden: the dense model's states, [positions, hidden].
    private func teacher(_ hidden: Tensor) throws(Fault) -> Teacher {
        // What a fitness is must not depend on how much memory is free.
        guard hidden.size(0) * output.vocabularySize * passage.compute.byteCount > logitBytes else {
            return .logits(try Engine.withoutGradient { () throws(Fault) in try output.logits(hidden) })
        }
        let states = try HiddenStream(
            samples: hidden.size(0), tokens: 1, hidden: hidden.size(1), place: lanes.place(hidden.byteCount))
        try states.write(hidden.reshaped([hidden.size(0), 1, hidden.size(1)]), at: 0)
        return .states(states)
    }

    /// Divides memory between blocks that stay and lanes that are on their way together.
    public func use(memory bytes: Int) {
        passage.source.residentBytes = bytes / 2
        lanes.bytes = bytes / 2
    }

    /// Makes a genome the one whose lane others leave.
    public func setParent(_ genome: Genome) { parent = genome }

    /// Mean KL of genomes on a stage's text, in their order.
    ///
    /// - Parameter progress: told the share that is done.
    /// - Throws: what reading weights and the maker throw.
    public func fitness(
        _ genomes: [Genome], stage index: Int, progress: (Double) -> Void = { _ in }
    ) throws(Fault) -> [Double] {
        let stage = stages[index]
        var found = [Double](repeating: .nan, count: genomes.count)
        guard let teacher = stage.teacher else { return found }
        let runners = genomes.enumerated().map { index, genome in
            let gene = genome.indices.first { genome[$0] != parent[$0] }
            return Runner(index: index, genome: genome, fork: gene.map { $0 / 2 } ?? passage.layerCount)
        }
        var done = 0
        try run(runners.sorted { ($0.fork, $0.index) < ($1.fork, $1.index) }, stage) { (index, hidden) throws(Fault) in
            let dense: OutputMatrix.Dense
            switch teacher {
            case .logits(let logits): dense = .logits(logits)
            case .states(let states):
                let stream = try states.read(0..<states.samples).to(passage.source.decoder.device)
                dense = .model(output, stream: stream.reshaped([states.samples, states.hidden]))
            }
            let scores = try Engine.withoutGradient { () throws(Fault) in
                // Every position counts, whatever follows it.
                try output.scores(hidden, against: dense, targets: [Int64](repeating: 0, count: hidden.size(0)))
            }
            found[index] = scores.reduce(0) { $0 + $1.divergence } / Double(max(1, scores.count))
            done += 1
            progress(Double(done) / Double(genomes.count))
        }
        return found
    }

    // MARK: One passage for many genomes

    /// Takes genomes to the end of the model.
    ///
    /// As many lanes as memory allows are on their way together. The parent's own lane goes only as far as the last
    /// fork among them; for those that follow it waits at the first of theirs.
    ///
    /// - Parameters:
    ///   - runners: by ascending fork.
    ///   - behind: given a genome's place and its hidden states at the scored positions, [positions, hidden].
    private func run(
        _ runners: [Runner], _ stage: Stage, behind: (Int, Tensor) throws(Fault) -> Void
    ) throws(Fault) {
        let layers = passage.layerCount
        let trunk = lane(try stage.input.copied())
        var trunkLayer = 0
        // The input and the trunk are there beside the lanes.
        let together = max(1, lanes.bytes / max(1, stage.input.byteCount) - (SearchModel.lanesAtLeast - 1))
        for start in stride(from: 0, to: runners.count, by: together) {
            var group = Array(runners[start..<min(start + together, runners.count)])
            let end = start + together < runners.count ? runners[start + together].fork : group[group.count - 1].fork
            try passage.forward(trunkLayer..<layers) { (step) throws(Fault) in
                // What several lanes have in common is made once.
                var made: [[Int]: Block] = [:]
                for index in group.indices where group[index].fork <= step.layer {
                    if group[index].lane == nil { group[index].lane = try trunk.copied() }
                    guard let lane = group[index].lane else { continue }
                    try step.advance(lane, through: try block(step, group[index].genome, &made))
                }
                if step.layer < end { try step.advance(trunk, through: try block(step, parent, &made)) }
            }
            trunkLayer = end
            for index in group.indices {
                let stream = (group[index].lane ?? trunk).stream
                group[index].lane = nil
                try behind(group[index].index, try scored(stream))
            }
        }
    }

    private func lane(_ stream: HiddenStream) -> SampleLane {
        SampleLane(stream, rotary: rotary, batch: lanes.batch, device: passage.source.decoder.device)
    }

    /// The states at the scored positions, [positions, hidden].
    private func scored(_ stream: HiddenStream) throws(Fault) -> Tensor {
        var parts: [Tensor] = []
        for range in stream.batches(of: lanes.batch) {
            let states = try stream.read(range).to(passage.source.decoder.device)
            parts.append(
                Engine.withoutGradient {
                    states.selected(positions, dimension: 1).reshaped([-1, stream.hidden])
                })
        }
        return Tensor.concatenated(parts)
    }

    private func block(_ step: PassageStep, _ genome: Genome, _ made: inout [[Int]: Block]) throws(Fault) -> Block {
        let levels = [genome[2 * step.layer], genome[2 * step.layer + 1]]
        if levels == [0, 0] { return step.block }
        if let block = made[levels] { return block }
        let block = try maker(step.block, levels[0], levels[1])
        made[levels] = block
        return block
    }
}
