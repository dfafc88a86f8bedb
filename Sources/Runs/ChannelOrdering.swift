import Calibration
import Decoders
import Faults
import Files
import Pruning
import Torch

/// The order of a model's channels in which a run's K:M pattern costs least, by w² · Σ x² of every weight that is to be
/// pruned: of the dense model, whose blocks a few samples of the calibration text go through once.
struct ChannelOrdering {
    private let context: PruneContext
    private let events: EventHandler
    private let keep: Int
    private let group: Int
    private let movesStream: Bool

    /// Nil for a run whose channels stay where they are.
    init?(_ context: PruneContext, _ events: @escaping EventHandler) {
        guard let moves = context.settings.channelMoves, moves != .none,
            case .keep(let keep, let group)? = context.settings.pattern.zeros
        else { return nil }
        (self.context, self.events) = (context, events)
        (self.keep, self.group) = (keep, group)
        movesStream = moves == .all
    }

    /// The run's model with its channels in that order; nil where none is better than the one that is there.
    ///
    /// - Throws: `usage` without calibration text, or for a stream of which not all readers are known; `inputOutput`
    ///   when weights cannot be read.
    func reordered() throws(Fault) -> Decoder? {
        events(.note("ordering channels for the pattern \(context.settings.pattern.text)"))
        let order = try order()
        Machine.returnFreedMemory()
        return order.isIdentity ? nil : context.decoder.reordered(order)
    }

    func order() throws(Fault) -> ChannelOrder {
        let (decoder, goals) = (context.decoder, context.targets.goals)
        let configuration = decoder.configuration
        if movesStream, let unknown = decoder.unknownOfStream {
            throw Fault(
                .usage,
                "the channels of the residual stream cannot move: the model has a tensor that may read them and is not "
                    + "understood", file: decoder.checkpoint.path, place: "tensor '\(unknown)'", found: "--permute all",
                advice: "use --permute blocks")
        }
        var order = ChannelOrder(layerCount: configuration.layerCount)
        var readers: [Tensor] = []
        let tokens = try context.requireTokens()
        let lane = try context.run.embeddedLane(tokens, samples: ChannelPermutation.judged(of: tokens.rows))
        let last = goals.lastIndex { !$0.isEmpty } ?? 0
        // About as many rows of every linear that reads the stream.
        let linears = goals.reduce(0) { sum, block in sum + block.keys.count { readsStream($0) } }
        let rows = max(
            8, min(8 * ChannelPermutation.judgedRows, (64 << 20) / configuration.hiddenSize) / max(1, linears))
        try context.run.passage.forward(0..<last + 1) { (step) throws(Fault) in
            let block = step.block
            try context.run.checkFinite(block)
            var statistics = InputStatistics(block: block, device: decoder.device)
            try step.advance(lane, observer: { statistics.add($0, $1) })
            try statistics.finish(step.ranks)
            guard statistics.areFinite() else {
                throw Fault(
                    .badData, "the activations are not finite", place: "block \(step.layer)",
                    advice: "run `espalier inspect` on the model, or use --dtype float32")
            }
            let goals = goals[step.layer]
            for linear in block.linears where goals[linear] != nil {
                func scores(_ count: Int) -> Tensor {
                    let weight = sampled(block.weight(linear), count)
                    return weight * weight * statistics.squares(linear.projection)
                }
                switch linear.role {
                case .down:
                    // What is not pruned keeps its bytes.
                    guard block.linears.allSatisfy({ $0.expert != linear.expert || $0.isAttention || goals[$0] != nil })
                    else { continue }
                    let found = search(scores(ChannelPermutation.judgedRows), layer: step.layer)
                    if let found { order.neurons[step.layer][linear.projection] = found }
                case .o:
                    guard goals[.v] != nil else { continue }
                    order.values[step.layer] = values(scores(ChannelPermutation.judgedRows), block, step.layer)
                default:
                    guard movesStream else { continue }
                    let scores = scores(rows)
                    readers.append((scores * (1 / max(1e-30, scores.sum().scalar))).to(.cpu))
                }
            }
        }
        if !readers.isEmpty {
            order.stream = search(Tensor.concatenated(readers), layer: configuration.layerCount)
        }
        return order
    }

    private func readsStream(_ linear: LinearName) -> Bool { linear.role != .o && linear.role != .down }

    /// The order of the values of every key-value head: all query heads of its group read them.
    ///
    /// - Parameter scores: of `o`, [rows, query heads · d].
    private func values(_ scores: Tensor, _ block: Block, _ layer: Int) -> [[Int]]? {
        let geometry = block.geometry
        let (width, heads) = (geometry.headDimension, geometry.keyValueHeadCount)
        guard width % group == 0, width > group, heads > 0 else { return nil }
        let queries = geometry.headCount / heads
        let orders = (0..<heads).map { head in
            let own = (head * queries..<(head + 1) * queries).map { scores.narrowed(1, $0 * width, width) }
            return search(Tensor.concatenated(own), layer: layer)
        }
        return orders.allSatisfy { $0 == nil } ? nil : orders.map { $0 ?? Array(0..<width) }
    }

    /// An order that keeps more than the one that is there, if there is one.
    private func search(_ scores: Tensor, layer: Int) -> [Int]? {
        guard scores.size(1) % group == 0 else { return nil }
        let seed = context.settings.seed ^ (UInt64(layer) &* 0x9E37_79B9_7F4A_7C15)
        let found = ChannelPermutation.order(scores, keep: keep, of: group, seed: seed)
        return found.after > found.before ? found.order : nil
    }

    /// At most so many rows of a weight, spread over all.
    private func sampled(_ weight: Tensor, _ count: Int) -> Tensor {
        let rows = weight.size(0)
        guard rows > count else { return weight }
        let index = (0..<count).map { Int64($0 * rows / count) }
        return weight.selected(Tensor(index, device: weight.device))
    }
}
