import Decoders
import Faults
import Torch

/// The hidden states of some sequences on their way through a model, in batches of like length.
struct PromptStates {
    /// [count, longest, hidden] each.
    let lane: BatchLane
    private let places: [Int: (batch: Int, row: Int)]

    /// In front of the first block.
    ///
    /// - Parameter batchTokens: tokens that go through a block together.
    /// - Throws: `inputOutput` when a weight cannot be read.
    init(
        _ model: Decoder, _ sequences: [PromptPredictions.Sequence], _ group: Range<Int>, batchTokens: Int
    ) throws(Fault) {
        var batches: [Tensor] = []
        var places: [Int: (batch: Int, row: Int)] = [:]
        var members: [Int] = []
        func close() throws(Fault) {
            guard !members.isEmpty else { return }
            let length = members.map { sequences[$0].ids.count }.max() ?? 0
            let ids = members.flatMap { member in
                let ids = sequences[member].ids
                return ids + [Int32](repeating: 0, count: length - ids.count)
            }
            for (row, member) in members.enumerated() { places[member] = (batches.count, row) }
            batches.append(
                try model.embedded(ids).reshaped([members.count, length, model.configuration.hiddenSize]))
            members = []
        }
        // By falling length the first of a batch is the longest. Equal lengths keep their order, so that runs repeat.
        for index in group.sorted(by: { (sequences[$1].ids.count, $0) < (sequences[$0].ids.count, $1) }) {
            let length = sequences[members.first ?? index].ids.count
            if (members.count + 1) * length > batchTokens { try close() }
            members.append(index)
        }
        try close()
        let rotary = model.rotary(positions: group.map { sequences[$0].ids.count }.max() ?? 1)
        lane = BatchLane(batches, batches.map { _ in LanePositions(rotary: rotary) })
        self.places = places
    }

    /// The hidden states [n, hidden] that predict n tokens of a sequence of the group, where the lane has come to.
    func hidden(_ index: Int, _ tokens: Range<Int>) -> Tensor {
        let place = places[index] ?? (0, 0)
        let stream = lane.batches[place.batch]
        // What a position holds predicts the token after it.
        return stream.narrowed(0, place.row, 1).narrowed(1, tokens.lowerBound - 1, tokens.count)
            .reshaped([tokens.count, stream.size(2)])
    }
}
