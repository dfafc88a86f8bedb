import Decoders
import Recipes
import Torch

/// A block of the student with what is trained in it.
final class TrainedBlock {
    /// What forward passes use; trained weights in it are leaves.
    let working: Block
    let parameters: [(key: Key, parameter: TrainedParameter)]

    let adapters: [ProjectionName: LowRankAdapter]

    /// What a parameter is in a block.
    enum Key: Hashable {
        case weight(ProjectionName)
        case bias(ProjectionName)
        case norm(Norm.Place)
        /// A and B of an adapter.
        case lowRank(ProjectionName, isSecond: Bool)

        /// Its name in files of a run's state.
        var name: String {
            switch self {
            case .weight(let name): "\(name.rawValue).weight"
            case .bias(let name): "\(name.rawValue).bias"
            case .norm(let place): "norm.\(place)"
            case .lowRank(let name, let isSecond): "\(name.rawValue).lora_\(isSecond ? "B" : "A")"
            }
        }
    }

    /// - Parameters:
    ///   - block: float32; it is taken over.
    ///   - dtype: of the matrix products.
    ///   - trained: what of it is trained.
    ///   - lowRank: adapters, where these are trained.
    init(_ block: Block, dtype: DType, trained: TrainedPart, lowRank: LowRankOptions, seed: UInt64) {
        var working = block.to(dtype)
        var parameters: [(key: Key, parameter: TrainedParameter)] = []
        func add(_ key: Key, _ values: Tensor, _ dtype: DType) -> Tensor {
            let parameter = TrainedParameter(values, dtype: dtype, keepsZeros: TrainedBlock.keepsZeros(key))
            parameters.append((key, parameter))
            return parameter.working
        }
        var adapters: [ProjectionName: LowRankAdapter] = [:]
        for (index, name) in block.projections.enumerated() where block[name].weight.count > 0 {
            if trained == .lora {
                let linears = Set(name.linears.filter(lowRank.targets.contains))
                guard !linears.isEmpty else { continue }
                let adapter = LowRankAdapter(
                    block[name], linears: linears, rank: lowRank.rank, alpha: lowRank.alpha, dtype: dtype,
                    seed: seed &+ UInt64(block.geometry.layer * 64 + index) &* 0x9E37_79B9_7F4A_7C15)
                adapters[name] = adapter
                parameters.append((.lowRank(name, isSecond: false), adapter.a))
                parameters.append((.lowRank(name, isSecond: true), adapter.b))
                working[name] = adapter.projection(block[name], dtype: dtype)
                continue
            }
            var weight = working[name].weight
            if trained == .all { weight = add(.weight(name), block[name].weight, dtype) }
            let bias = block[name].bias.map { add(.bias(name), $0, dtype) }
            working[name] = Projection(weight: weight, bias: bias, parts: block[name].parts)
        }
        if trained != .lora {
            for place in block.blueprint.norms.map(\.place) {
                guard let gain = block.norms[place] else { continue }
                working.norms[place] = add(.norm(place), gain, .float32)
            }
        }
        self.adapters = adapters
        self.working = working
        self.parameters = parameters
    }

    /// A block of which everything is trained.
    ///
    /// - Parameters:
    ///   - template: a block without its weights.
    ///   - values: float32, of the keys of `trainable`; they are taken over.
    init(_ template: Block, values: [Key: Tensor], dtype: DType) {
        var working = template
        var parameters: [(key: Key, parameter: TrainedParameter)] = []
        for key in TrainedBlock.keys(of: template) {
            guard let value = values[key] else { continue }
            let isNorm = if case .norm = key { true } else { false }
            let parameter = TrainedParameter(
                value, dtype: isNorm ? .float32 : dtype, keepsZeros: TrainedBlock.keepsZeros(key))
            parameters.append((key, parameter))
            working.set(key, parameter.working)
        }
        (self.working, self.parameters, adapters) = (working, parameters, [:])
    }

    /// Whether a zero of a parameter is one that was pruned.
    static func keepsZeros(_ key: Key) -> Bool { if case .weight = key { true } else { false } }

    /// What can be trained of a block, in the order in which `init` takes it up.
    private static func keys(of block: Block) -> [Key] {
        block.projections.flatMap { name in
            [.weight(name)] + (block[name].bias == nil ? [] : [.bias(name)])
        } + block.blueprint.norms.map { .norm($0.place) }
    }

    /// The same with values, of what is there.
    static func trainable(of block: Block) -> [(key: Key, values: Tensor)] {
        keys(of: block).compactMap { key in
            let values: Tensor? =
                switch key {
                case .weight(let name): block[name].weight
                case .bias(let name): block[name].bias
                case .norm(let place): block.norms[place]
                case .lowRank: nil
                }
            return values.flatMap { $0.count > 0 ? (key, $0) : nil }
        }
    }

    /// Masters and moments by name.
    var state: [(name: String, values: Tensor)] {
        parameters.flatMap { key, parameter in
            [
                (key.name, parameter.master.detached()), (key.name + ".first", parameter.first),
                (key.name + ".second", parameter.second),
            ]
        }
    }

    /// The checkpoint's tensors that are trained, float32.
    var tensors: [String: Tensor] {
        let layer = working.geometry.layer
        var result: [String: Tensor] = [:]
        for (key, parameter) in parameters {
            let master = parameter.master.detached()
            switch key {
            case .weight(let name):
                for (linear, rows) in working[name].rows(of: master) { result[linear.weightName(layer: layer)] = rows }
            case .bias(let name):
                for (linear, rows) in working[name].rows(of: master) where working.blueprint.biased.contains(linear) {
                    result[linear.biasName(layer: layer)] = rows
                }
            case .norm(let place):
                guard let norm = working.blueprint.norm(place) else { continue }
                result[norm.weightName(layer: layer)] = norm.gain.weight(of: master)
            case .lowRank: break
            }
        }
        for (name, adapter) in adapters {
            let merged = adapter.merged()
            for (linear, rows) in working[name].rows(of: merged)
            where adapter.linears.contains(where: { $0.name == linear }) {
                result[linear.weightName(layer: layer)] = rows
            }
        }
        return result
    }

    /// Takes up what a pass left at the leaves.
    func collect(isOnly: Bool) {
        for adapter in adapters.values { adapter.collect() }
        for (key, parameter) in parameters {
            // What a masked adapter's gradients are was taken up already.
            if case .lowRank(let name, _) = key, adapters[name]?.isMasked == true { continue }
            parameter.collect(isOnly: isOnly)
        }
    }

    /// Has passes use masters that were changed.
    func refresh() {
        for (_, parameter) in parameters { parameter.refresh() }
        for adapter in adapters.values { adapter.refresh() }
    }
}

/// How adapters of low rank are made.
public struct LowRankOptions: Equatable, Sendable {
    public var rank = 16
    /// B A counts alpha / rank.
    public var alpha = 32.0
    /// The linears that get one.
    public var targets: Set<LinearName> = [.q, .k, .v, .o, .gate, .up, .down]

    public init() {}
}

extension Block {
    /// The same shapes with nothing in the tensors that are trained.
    func withoutWeights() -> Block {
        var result = self
        for name in projections where self[name].weight.count > 0 {
            let nothing = Tensor.empty([0])
            result[name] = Projection(
                weight: nothing, bias: self[name].bias.map { _ in nothing }, parts: self[name].parts)
        }
        return result
    }

    fileprivate mutating func set(_ key: TrainedBlock.Key, _ value: Tensor) {
        switch key {
        case .weight(let name):
            self[name] = Projection(weight: value, bias: self[name].bias, parts: self[name].parts)
        case .bias(let name):
            self[name] = Projection(weight: self[name].weight, bias: value, parts: self[name].parts)
        case .norm(let place): norms[place] = value
        case .lowRank: break
        }
    }
}
