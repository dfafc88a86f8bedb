import Checkpoints
import Faults
import Foundation
import TestSupport
import Testing
import Torch

@testable import Decoders
@testable import Structure

@Suite("Fitness")
struct SearchModelTests {
    private let folder: TemporaryFolder
    private let decoder: Decoder
    private let tokens: [[Int32]] = (0..<3).map { row in (0..<10).map { Int32((row * 31 + $0 * 17) % 250) } }
    private let candidates: [SubLayer: [Candidate]]

    init() throws {
        folder = try TemporaryFolder()
        var tiny = TinyModel()
        tiny.layers = 3
        try tiny.write(to: folder)
        decoder = try Decoder(try Checkpoint.open(folder.path))
        var all: [SubLayer: [Candidate]] = [:]
        for subLayer in SubLayer.all(layers: 3) {
            let block = try decoder.block(subLayer.layer)
            let weight = subLayer.kind == .attention ? block.o.weight : block.down.weight
            let gram = weight.transposed(0, 1).matmul(weight)
            let hessian = try #require(DampedHessian(gram: gram))
            all[subLayer] =
                subLayer.kind == .attention
                ? SubLayerSolver.heads(
                    o: weight, hessian: hessian, shape: decoder.configuration.layers[0], headDimension: 4)
                : SubLayerSolver.neurons(down: weight, hessian: hessian, widths: [24, 12, 0])
        }
        candidates = all
    }

    private func candidate(_ genome: Genome, _ layer: Int, _ kind: SubLayer.Kind) -> Candidate? {
        let level = genome[2 * layer + (kind == .mlp ? 1 : 0)]
        return level == 0 ? nil : candidates[SubLayer(layer: layer, kind: kind)]?[level]
    }

    /// From masked blocks, all positions in float64.
    private func expected(_ genome: Genome, samples: Int, every: Int) throws -> Double {
        let ids = tokens.prefix(samples).joined().map(Int64.init)
        let rotary = decoder.rotary(positions: 10)
        func logits(_ genome: Genome) throws -> [Double] {
            try Engine.withoutGradient {
                var x = try decoder.embedding().selected(Tensor(ids)).reshaped([samples, 10, 16])
                for layer in 0..<3 {
                    let block = try decoder.block(layer).masked(
                        attention: candidate(genome, layer, .attention), mlp: candidate(genome, layer, .mlp))
                    x = block(x, rotary: rotary)
                }
                return try decoder.head(dtype: .float32)(x).floats().map(Double.init)
            }
        }
        let (dense, pruned) = (try logits(Genome(repeating: 0, count: 6)), try logits(genome))
        let vocabulary = decoder.configuration.vocabularySize
        var (sum, count) = (0.0, 0)
        for row in 0..<samples {
            for position in stride(from: every - 1, to: 10, by: every) {
                let start = (row * 10 + position) * vocabulary
                func logs(_ values: [Double]) -> [Double] {
                    let part = values[start..<start + vocabulary]
                    let most = part.max() ?? 0
                    let total = part.reduce(0.0) { $0 + exp($1 - most) }
                    return part.map { $0 - most - log(total) }
                }
                let (p, q) = (logs(dense), logs(pruned))
                sum += zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
                count += 1
            }
        }
        return sum / Double(count)
    }

    private func model(
        every: Int, memory: Int = 1 << 20, place: HiddenStream.Place = .memory(.cpu),
        logitBytes: Int = SearchModel.logitBytes
    ) throws -> SearchModel {
        let candidates = candidates
        let model = try SearchModel(
            Passage(decoder, compute: .float32), tokens: tokens, samples: [1, 3],
            lanes: SearchModel.Lanes(place: { _ in place }, batch: 2), stride: every, logitBytes: logitBytes
        ) { (dense, attention, mlp) throws(Fault) in
            func candidate(_ kind: SubLayer.Kind, _ level: Int) throws(Fault) -> Candidate? {
                guard level > 0 else { return nil }
                guard let levels = candidates[SubLayer(layer: dense.geometry.layer, kind: kind)] else {
                    throw Fault(.badData, "no candidate")
                }
                return levels[level]
            }
            return dense.compacted(
                attention: try candidate(.attention, attention), mlp: try candidate(.mlp, mlp))
        }
        model.use(memory: memory)
        return model
    }

    @Test("it is the same to the bit wherever states are kept, and the value without the dense model's logits, too")
    func places() throws {
        let genomes: [Genome] = [[0, 0, 0, 0, 0, 0], [1, 0, 2, 1, 0, 2], [4, 2, 0, 1, 3, 0]]
        let disk = HiddenStream.Place.folder(folder.path)
        for logitBytes in [SearchModel.logitBytes, 0] {
            let memory = try model(every: 4, logitBytes: logitBytes)
            let offloaded = try model(every: 4, memory: 0, place: disk, logitBytes: logitBytes)
            for (stage, samples) in [1, 3].enumerated() {
                let found = try memory.fitness(genomes, stage: stage)
                #expect(try offloaded.fitness(genomes, stage: stage) == found)
                for (genome, value) in zip(genomes, found) {
                    let expected = try expected(genome, samples: samples, every: 4)
                    #expect(abs(value - expected) < 1e-4 * max(expected, 1e-2), "\(genome)")
                }
            }
        }
    }

    @Test("it is the mean KL over the scored positions of the masked model", arguments: [1, 4])
    func value(every: Int) throws {
        let model = try model(every: every)
        for genome in [[0, 0, 0, 0, 0, 0], [1, 0, 2, 1, 0, 2], [4, 2, 0, 1, 3, 0]] {
            for (stage, samples) in [1, 3].enumerated() {
                let found = try model.fitness([genome], stage: stage)[0]
                let value = try expected(genome, samples: samples, every: every)
                #expect(abs(found - value) < 1e-4 * max(value, 1e-2), "\(genome)")
            }
        }
    }

    @Test(
        "it depends neither on the parent, nor on who is measured together, nor on memory",
        arguments: [1 << 20, 8000, 0])
    func together(memory: Int) throws {
        let fresh = try model(every: 2)
        let model = try model(every: 2, memory: memory)
        let genomes = [
            [1, 0, 2, 1, 0, 2], [1, 0, 2, 1, 3, 0], [0, 0, 0, 1, 0, 2], [4, 2, 0, 1, 3, 0], [0, 0, 0, 0, 0, 0],
        ]
        let alone = try genomes.map { try fresh.fitness([$0], stage: 1)[0] }
        #expect(alone[4] == 0)
        for parent in genomes {
            model.setParent(parent)
            #expect(try model.fitness(genomes, stage: 1) == alone)
            #expect(try model.fitness(genomes.reversed(), stage: 1) == alone.reversed())
        }
    }

    @Test("candidates come back from their file as they were")
    func file() throws {
        for (subLayer, list) in candidates {
            let path = folder.path + "/" + CandidateFile.name(subLayer)
            let contents = CandidateFile.tensors(list)
            let writer = try SafetensorsWriter(path, contents.map(\.tensor))
            for tensor in writer.order {
                try writer.write(tensor.name, try #require(contents.first { $0.tensor.name == tensor.name }).bytes)
            }
            _ = try writer.finish()
            let file = try SafetensorsFile(path)
            for (level, candidate) in list.enumerated().dropFirst() {
                let found = try #require(try CandidateFile.read(file, level: level, device: .cpu))
                #expect(found.kept == candidate.kept && found.weight.shape == candidate.weight.shape)
                #expect(found.weight.floats() == candidate.weight.floats())
                #expect(found.error == Double(Float(candidate.error)))
            }
            #expect(try CandidateFile.read(file, level: list.count, device: .cpu) == nil)
            #expect(try CandidateFile.read(file, level: 0, device: .cpu) == nil)
        }
    }
}
