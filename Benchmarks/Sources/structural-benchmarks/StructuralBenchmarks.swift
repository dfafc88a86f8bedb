import Checkpoints
import Decoders
import Faults
import Randomness
import Structure
import Torch

func seconds(_ body: () throws -> Void) rethrows -> Double { try ContinuousClock().measure(body) / .seconds(1) }
func rounded(_ value: Double, _ digits: Int = 2) -> String {
    let scale = [1.0, 10, 100, 1000][digits]
    return "\((value * scale).rounded() / scale)"
}
func random(_ shape: [Int]) -> Tensor {
    var generator = SplitMix64(seed: 11)
    return Tensor((0..<shape.reduce(1, *)).map { _ in Float(generator.next() >> 40) * 0x1p-23 - 1 }, shape: shape)
}

struct StructuralBenchmarks {
    let decoder: Decoder
    /// Of the matrix products.
    let compute: DType

    var configuration: DecoderConfiguration { decoder.configuration }

    /// The first units of a sub-layer, with their columns of the dense matrix.
    func candidate(_ block: Block, _ kind: SubLayer.Kind, keeping share: Double) -> Candidate {
        let shape = configuration.layers[block.geometry.layer]
        switch kind {
        case .attention:
            let perGroup = shape.headCount / shape.keyValueHeadCount
            let groups = (0..<Int((share * Double(shape.keyValueHeadCount)).rounded())).map {
                HeadGroup(keyValueHead: $0, queryHeads: Array($0 * perGroup..<($0 + 1) * perGroup))
            }
            let width = groups.count * perGroup * configuration.headDimension
            return Candidate(
                kept: .heads(groups), weight: block.o.weight.narrowed(1, 0, width).contiguous(), error: 0)
        case .mlp:
            let width = Int((share * Double(shape.intermediateSize)).rounded())
            return Candidate(
                kept: .neurons(Array(0..<width)), weight: block.down.weight.narrowed(1, 0, width).contiguous(), error: 0
            )
        }
    }

    // MARK: Solver

    func solver() throws {
        let block = try decoder.block(0)
        let shape = configuration.layers[0]
        let gram = Tensor.zeros([shape.intermediateSize, shape.intermediateSize])
        gram.addGram(random([4 * shape.intermediateSize, shape.intermediateSize]))
        guard let hessian = DampedHessian(gram: gram) else { fatalError("no Hessian") }
        for count in [9, 17] {
            let widths = (0..<count).map { shape.intermediateSize * (count - 1 - $0) / (count - 1) }
            let nested = seconds {
                _ = SubLayerSolver.neurons(down: block.down.weight, hessian: hessian, widths: widths)
            }
            let restarted = seconds {
                for width in widths {
                    _ = SubLayerSolver.neurons(down: block.down.weight, hessian: hessian, widths: [width])
                }
            }
            print(
                "solver, \(count) levels of \(shape.intermediateSize) neurons: one pass \(rounded(nested)) s, restarting "
                    + "\(rounded(restarted)) s, share \(rounded(nested / restarted))")
        }
    }

    // MARK: Search

    func search() throws {
        let tokens = (0..<4).map { row in
            (0..<512).map { Int32(($0 * 7919 + row * 104_729) % configuration.vocabularySize) }
        }
        let shares = [1.0, 0.875, 0.75, 0.5, 0.25]
        let sizes = SubLayer.all(layers: configuration.layerCount).map { subLayer -> [Int] in
            guard let block = try? decoder.block(subLayer.layer) else { return [] }
            return shares.map { candidate(block, subLayer.kind, keeping: $0).kept.parameters(configuration) }
        }
        // Candidates come from memory here and, in a run, from files in the page cache.
        var candidates: [SubLayer: [Candidate]] = [:]
        for subLayer in SubLayer.all(layers: configuration.layerCount) {
            let block = try decoder.block(subLayer.layer)
            candidates[subLayer] = shares.map { candidate(block, subLayer.kind, keeping: $0) }
        }
        let table = candidates
        let model = try SearchModel(
            Passage(BlockSource(decoder, dtype: compute, residentBytes: .max), compute: compute), tokens: tokens,
            samples: [4], lanes: SearchModel.Lanes(batch: 4)
        ) {
            (dense, attention, mlp) throws(Fault) in
            let layer = dense.geometry.layer
            func chosen(_ kind: SubLayer.Kind, _ level: Int) -> Candidate? {
                level > 0 ? table[SubLayer(layer: layer, kind: kind)]?[level] : nil
            }
            return dense.compacted(attention: chosen(.attention, attention), mlp: chosen(.mlp, mlp))
        }
        var blocks: [Block] = []
        for layer in 0..<configuration.layerCount { blocks.append(try decoder.block(layer).to(compute)) }
        let head = try decoder.head(dtype: compute)
        let rotary = decoder.rotary(positions: 512)
        let table0 = try decoder.embedding()
        let input = table0.selected(Tensor(tokens.joined().map(Int64.init)))
            .reshaped([4, 512, configuration.hiddenSize])
        func dense() {
            Engine.withoutGradient {
                var x = input
                for block in blocks { x = block(x, rotary: rotary) }
                for row in 0..<4 { _ = head(x.narrowed(0, row, 1).reshaped([512, configuration.hiddenSize])) }
            }
        }
        dense()
        let whole = seconds { for _ in 0..<8 { dense() } } * 4
        for removed in [0.125, 0.5] {
            let total = sizes.reduce(0) { $0 + $1[0] }
            let space = SearchSpace(sizes: sizes, budget: Int((1 - removed) * Double(total)))
            // A distribution that removes what is asked for, spread over levels.
            let costs = sizes.map { levels in
                levels.map { level in Double((levels[0] - level) * (levels[0] - level)) / Double(levels[0]) }
            }
            guard let parent = ExactAllocation.solve(space, costs: costs) else { fatalError("no distribution") }
            model.setParent(parent)
            _ = try model.fitness([parent], stage: 0)
            var options = EvolutionarySearch.Options()
            (options.offspring, options.survivors) = (32, [1])
            let search = EvolutionarySearch(space: space, options: options)
            var count = 0
            let taken = try seconds {
                _ = try search.generation(1, parent: parent, fitness: .infinity, seed: 3) {
                    (genomes, stage) throws(Fault) in
                    count = genomes.count
                    return try model.fitness(genomes, stage: stage)
                }
            }
            print(
                "search at \(removed * 100) %, \(compute): \(count) offspring \(rounded(taken)) s, 32 dense forwards "
                    + "\(rounded(whole)) s, \(rounded(whole / taken)) times as fast")
        }
    }

    // MARK: Serving

    func serve() throws {
        var dense: [Block] = []
        for layer in 0..<configuration.layerCount { dense.append(try decoder.block(layer).to(compute)) }
        var compact: [Block] = []
        for block in dense {
            // A third of the groups stays in every other layer, all of them in the rest, and 45 % of the neurons.
            let share = block.geometry.layer.isMultiple(of: 2) ? 0.34 : 0.67
            compact.append(
                block.compacted(
                    attention: candidate(block, .attention, keeping: share), mlp: candidate(block, .mlp, keeping: 0.5)))
        }
        /// Of the whole model in float32, on 64 tokens: the largest difference of a logit from that of the model with
        /// the same units filled with zeros, over the largest logit.
        func difference() throws -> Double {
            let head = try decoder.head(dtype: .float32)
            let table = try decoder.embedding()
            let rotary = decoder.rotary(positions: 64)
            let ids = Tensor((0..<64).map { Int64($0 * 7919 % configuration.vocabularySize) })
            var (masked, small) = (table.selected(ids).reshaped([1, 64, configuration.hiddenSize]), Tensor.zeros([0]))
            small = masked.clone()
            return try Engine.withoutGradient {
                for layer in 0..<configuration.layerCount {
                    let block = try decoder.block(layer)
                    let share = layer.isMultiple(of: 2) ? 0.34 : 0.67
                    let (attention, mlp) = (
                        candidate(block, .attention, keeping: share), candidate(block, .mlp, keeping: 0.5)
                    )
                    masked = block.masked(attention: attention, mlp: mlp)(masked, rotary: rotary)
                    small = block.compacted(attention: attention, mlp: mlp)(small, rotary: rotary)
                }
                let (a, b) = (
                    head(masked.reshaped([64, configuration.hiddenSize])),
                    head(small.reshaped([64, configuration.hiddenSize]))
                )
                return (a - b).magnitude().maximum().scalar / a.magnitude().maximum().scalar
            }
        }
        print("compact and masked logits, float32: they differ by \(try difference()) of the largest")
        func count(_ blocks: [Block]) -> Int {
            blocks.reduce(0) { sum, block in block.projections.reduce(sum) { $0 + block[$1].weight.count } }
        }
        let head = try decoder.head(dtype: compute)
        let table = try decoder.embedding()
        let rotary = decoder.rotary(positions: 1024)
        /// Tokens per second of reading a prompt and of writing after it.
        func measure(_ blocks: [Block], batch: Int) -> (reading: Double, writing: Double) {
            let written = 32
            func pass(_ ids: Tensor, _ length: Int, _ cache: KeyValueCache) -> Tensor {
                Engine.withoutGradient {
                    var x = table.selected(ids).reshaped([batch, length, configuration.hiddenSize])
                    for block in blocks { x = block(x, rotary: rotary, cache: cache) }
                    cache.advance(length)
                    let last = x.narrowed(1, length - 1, 1).reshaped([batch, configuration.hiddenSize])
                    return head(last).argmax(1)
                }
            }
            var best = (reading: 0.0, writing: 0.0)
            for _ in 0..<4 {
                let cache = KeyValueCache(layerCount: blocks.count, capacity: 512 + written)
                let prompt = Tensor((0..<batch * 512).map { Int64($0 * 7919 % configuration.vocabularySize) })
                var next = prompt
                let reading = seconds { next = pass(prompt, 512, cache) }
                let writing = seconds { for _ in 0..<written { next = pass(next, 1, cache) } }
                best.reading = max(best.reading, Double(batch * 512) / reading)
                best.writing = max(best.writing, Double(batch * written) / writing)
            }
            return best
        }
        let left = Double(count(compact)) / Double(count(dense))
        for batch in [1, 8] {
            let (whole, small) = (measure(dense, batch: batch), measure(compact, batch: batch))
            print(
                "serve, \(compute), batch \(batch), \(rounded(100 * left, 1)) % of the blocks' weights: reading "
                    + "\(rounded(whole.reading, 0)) → \(rounded(small.reading, 0)) tokens/s "
                    + "(\(rounded(small.reading / whole.reading))), writing \(rounded(whole.writing, 1)) → "
                    + "\(rounded(small.writing, 1)) (\(rounded(small.writing / whole.writing)))")
        }
    }
}
