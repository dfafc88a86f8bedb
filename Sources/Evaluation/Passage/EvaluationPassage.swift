import Decoders
import Faults
import Torch

/// One passage over the blocks of one or two models for everything that is evaluated: each block is read once for as
/// many texts, prompts and tasks as memory holds the hidden states of.
public struct EvaluationPassage {
    public let models: [Decoder]
    /// The number type of the matrix products; the hidden states stay float32.
    public let dtype: DType
    /// Bytes of hidden states held at a time, of at least one unit.
    public var streamBytes: Int

    public init(_ models: [Decoder], dtype: DType) {
        self.models = models
        self.dtype = dtype
        streamBytes = EvaluationPassage.streamBytes(of: models)
    }

    /// Takes all that the sources hold through the models, and has them score it.
    ///
    /// - Parameter progress: told the fraction done, from 0 to 1.
    /// - Throws: `badData` for ids outside the vocabulary, `inputOutput` when a weight cannot be read.
    public func run(_ sources: [any EvaluationSource], progress: (Double) -> Void = { _ in }) throws(Fault) {
        // Each block counts as one step for each token, and the head as two.
        let total = sources.reduce(0.0) { $0 + Double($1.tokens) * steps($1) }
        var done = 0.0
        func advance(_ steps: Double) {
            done += steps
            progress(total > 0 ? min(1, done / total) : 1)
        }
        while true {
            var group: [(source: any EvaluationSource, portion: EvaluationPortion)] = []
            var left = streamBytes
            for source in sources {
                while let portion = source.next(bytes: max(0, left), evenIfMore: group.isEmpty) {
                    group.append((source, portion))
                    left -= portion.bytes
                }
            }
            guard !group.isEmpty else {
                // The steps' sum is rounded.
                progress(1)
                return
            }
            try Engine.withoutGradient { () throws(Fault) in
                var lanes = [[any Lane]](repeating: [], count: group.count)
                for (index, model) in models.enumerated() {
                    try walk(model, group.indices.filter { group[$0].source.models.contains(index) }) {
                        (place) throws(Fault) in
                        lanes[place].append(try group[place].portion.embed(model))
                    } visit: { (step, place) throws(Fault) in
                        guard let lane = lanes[place].last else { return }
                        let share = Double(group[place].portion.tokens) / Double(max(1, lane.batchCount))
                        try step.advance(lane, progress: { _ in advance(share) })
                    }
                }
                for (place, (source, portion)) in group.enumerated() {
                    let steps = Double(2 * source.models.count * portion.tokens)
                    var before = 0.0
                    func score(_ share: Double) {
                        advance(steps * max(0, share - before))
                        before = max(before, share)
                    }
                    try portion.score(lanes[place], score)
                    lanes[place] = []
                    score(1)
                }
            }
        }
    }

    private func steps(_ source: any EvaluationSource) -> Double {
        Double(source.models.reduce(0) { $0 + models[$1].configuration.layerCount + 2 })
    }

    /// Takes the lanes at some places of a group through a model.
    private func walk(
        _ model: Decoder, _ places: [Int], begin: (Int) throws(Fault) -> Void,
        visit: (PassageStep, Int) throws(Fault) -> Void
    ) throws(Fault) {
        guard !places.isEmpty else { return }
        for place in places { try begin(place) }
        try Passage(BlockSource(model, dtype: dtype), compute: dtype).forward { (step) throws(Fault) in
            for place in places { try visit(step, place) }
        }
    }
}

/// Something to evaluate, handed out in portions.
public protocol EvaluationSource: AnyObject {
    /// Which of a passage's models it goes through.
    var models: [Int] { get }
    /// Of all portions.
    var tokens: Int { get }
    /// The next portion, whose hidden states take at most so many bytes in all of its models together.
    ///
    /// - Parameter evenIfMore: whether the smallest portion is given even when it takes more.
    /// - Returns: nil when nothing is left, or nothing that fits.
    func next(bytes: Int, evenIfMore: Bool) -> EvaluationPortion?
}

/// What goes through the models together, and is scored after them.
public struct EvaluationPortion {
    let bytes: Int
    let tokens: Int
    /// Its hidden states in front of a model's first block.
    let embed: (Decoder) throws(Fault) -> any Lane
    /// Given the lanes after the last block of each of the source's models, and whom to tell the share that is done.
    let score: ([any Lane], (Double) -> Void) throws(Fault) -> Void
}
