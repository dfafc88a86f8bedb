import Checkpoints
import Decoders
import Faults
import Pruning
import Recipes
import Settings

/// Which linears a run prunes, and how far.
public struct PruneTargets: Sendable {
    /// Goals by layer.
    public private(set) var goals: [Goals]
    /// Layers from which nothing is removed.
    let skipped: Set<Int>
    /// By layer, in the order in which a forward pass meets them.
    private let linears: [[LinearName]]

    /// - Parameter allocation: sparsities that take the place of the settings'.
    /// - Throws: `Fault` of kind `usage` for an expression that is invalid or matches nothing, and for a K:M pattern
    ///   that
    ///   does not divide a linear's columns.
    public init(_ settings: PruneSettings, configuration: DecoderConfiguration) throws(Fault) {
        try self.init(settings, configuration: configuration, allocation: nil)
    }

    init(
        _ settings: PruneSettings, configuration: DecoderConfiguration, allocation: SparsityAllocation?
    ) throws(Fault) {
        let targets = try PruneTargets.expressions(settings.targets, flag: "--targets")
        let ignored = try PruneTargets.expressions(settings.ignore, flag: "--ignore")
        skipped = try settings.skippedLayers?.layers(of: configuration.layerCount) ?? []
        goals = []
        linears = (0..<configuration.layerCount).map(configuration.linears)
        for layer in 0..<configuration.layerCount {
            var block: Goals = [:]
            // Where whole units go, the search keeps them, and what is left of the model may still be re-fitted.
            let isSkipped = settings.structure == nil && skipped.contains(layer)
            for linear in configuration.linears(layer: layer) where !isSkipped {
                let name = "model.layers.\(layer).\(linear.checkpointName)"
                let isAsked = targets.isEmpty ? true : try PruneTargets.matches(name, targets, flag: "--targets")
                guard isAsked, try !PruneTargets.matches(name, ignored, flag: "--ignore") else { continue }
                let columns = configuration.shape(of: linear, layer: layer).in
                if case .keep(_, let group) = settings.pattern.zeros, columns % group != 0 {
                    throw Fault(
                        .usage, "the pattern does not divide the columns of a linear layer", place: name,
                        found: "\(columns) columns for \(settings.pattern.text)", expected: "a multiple of \(group)",
                        advice: "choose another pattern, or exclude the linear layer with --ignore")
                }
                var goal = settings.goal
                if let fraction = allocation?.fraction(of: linear, layer: layer) {
                    goal = try goal.with(sparsity: fraction)
                }
                block[linear] = goal
            }
            goals.append(block)
        }
        guard skipped.count < configuration.layerCount else {
            throw Fault(
                .usage, "all layers are skipped", place: "--skip-layers", found: settings.skippedLayers?.text,
                advice: "leave some of them out")
        }
        guard goals.contains(where: { !$0.isEmpty }) else {
            throw Fault(
                .usage, "no linear layer matches --targets without matching --ignore",
                found: (settings.targets + settings.ignore.map { "--ignore \($0)" }).joined(separator: ", "),
                expected: "an expression for names such as model.layers.0.self_attn.q_proj",
                advice: "try --targets 'mlp'; embeddings and the output matrix are never pruned")
        }
    }

    private static func expressions(_ texts: [String], flag: String) throws(Fault) -> [TextExpression] {
        var list: [TextExpression] = []
        for text in texts {
            do throws(TextExpression.Refusal) { list.append(try TextExpression(text)) } catch {
                throw Fault(
                    .usage, "\(flag) is not a usable regular expression: \(error.reason)", place: error.place,
                    found: text)
            }
        }
        return list
    }

    private static func matches(_ name: String, _ expressions: [TextExpression], flag: String) throws(Fault) -> Bool {
        for expression in expressions {
            do throws(TextExpression.Refusal) { if try expression.matches(in: name) { return true } } catch {
                throw Fault(.usage, "\(flag) cannot be matched: \(error.reason)", place: name)
            }
        }
        return false
    }

    /// Weights of all linears with a goal.
    public func weightCount(_ configuration: DecoderConfiguration) -> Int {
        goals.indices.reduce(0) { sum, layer in
            goals[layer].keys.reduce(sum) {
                let shape = configuration.shape(of: $1, layer: layer)
                return $0 + shape.out * shape.in
            }
        }
    }

    /// Names of the pruned weights in the checkpoint.
    ///
    /// - Parameter shapes: of a written model that lacks some of them.
    public func weightNames(in shapes: [LayerShape]? = nil) -> [String] {
        goals.enumerated().flatMap { layer, block in
            linears[layer].filter { block[$0] != nil && shapes?[layer].has($0) ?? true }
                .map { $0.weightName(layer: layer) }
        }
    }
}

extension PruneSettings {
    /// Of a linear. Where whole units go, it loses about that share, but no zeros are made.
    package var goal: Goal { Goal(pattern: pattern.zeros ?? .unstructured, sparsity: sparsity) }

    /// Whether a K:M pattern is to hold in some linears, while the others stay dense.
    package var leavesLinearsDense: Bool { pattern.impliedFraction.map { sparsity.fraction < $0 } ?? false }
}

extension Goal {
    /// The share that goes: of K:M, what the pattern leaves no choice about.
    var askedFraction: Double { pattern.impliedFraction ?? sparsity.fraction }

    /// The same pattern with another sparsity: of K:M, another K.
    public func with(sparsity fraction: Double) throws(Fault) -> Goal {
        var goal = self
        goal.sparsity = try Sparsity(fraction)
        if case .keep(_, let group) = pattern {
            goal.pattern = .keep(Int(((1 - fraction) * Double(group)).rounded()), of: group)
        }
        return goal
    }
}
