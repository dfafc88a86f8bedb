import Decoders
import Faults
import Torch

/// The dense model's hidden states in front of every block, for a pass back that meets them from the last to the first.
///
/// Where they fit they are all kept. Else those in front of one block in some are kept, and the others made again from
/// them when the pass back comes to their part: about 2√L states in place of L, for one more pass forward.
final class StateTape {
    private let passage: Passage
    private let rotary: RotaryTable
    private let batch: Int
    private let place: HiddenStream.Place
    /// One state in so many is kept.
    private let spacing: Int
    private var states: [Int: HiddenStream]

    /// Passes forward.
    ///
    /// - Parameters:
    ///   - input: the embedded text.
    ///   - batch: sequences that pass a block together.
    ///   - place: of the states, which are kept as bfloat16.
    ///   - bytes: what the states may take.
    ///   - progress: told the share that is done.
    /// - Throws: `inputOutput` when weights cannot be read or the folder does not take the states.
    init(
        _ passage: Passage, input: HiddenStream, rotary: RotaryTable, batch: Int, place: HiddenStream.Place, bytes: Int,
        progress: (Double) -> Void
    ) throws(Fault) {
        (self.passage, self.rotary, self.batch, self.place) = (passage, rotary, batch, place)
        spacing = StateTape.spacing(layers: passage.layerCount, state: StateTape.byteCount(input), bytes: bytes)
        states = [0: input]
        let layers = passage.layerCount
        try fill(0..<layers, keeping: { $0.isMultiple(of: spacing) || $0 == layers }, progress)
    }

    /// Bytes of a state after the first block.
    private static func byteCount(_ input: HiddenStream) -> Int {
        input.samples * input.tokens * input.hidden * DType.bfloat16.byteCount
    }

    /// One where all states fit; else the smallest distance with which those that are kept and those of a part fit, or
    /// the one with which they are the fewest.
    static func spacing(layers: Int, state: Int, bytes: Int) -> Int {
        func held(_ spacing: Int) -> Int { StateTape.held(layers: layers, spacing: spacing) }
        let fits = layers > 0 && state > 0 ? bytes / state : .max
        guard layers > fits else { return 1 }
        return (2..<max(3, layers)).first { held($0) <= fits }
            ?? (1...max(1, layers)).min { held($0) < held($1) } ?? 1
    }

    /// States that are there at the worst moment.
    static func held(layers: Int, spacing: Int) -> Int {
        spacing == 1 ? layers : (layers + spacing - 1) / spacing + spacing
    }

    /// What entered a block; after the last one what enters the head. Those after it are not asked for any more.
    ///
    /// - Throws: as `init`.
    func front(of layer: Int) throws(Fault) -> HiddenStream {
        for key in states.keys where key > layer { states[key] = nil }
        if states[layer] == nil {
            let start = states.keys.max() ?? 0
            try fill(start..<layer, keeping: { _ in true }) { _ in }
        }
        guard let found = states[layer] else {
            throw Fault(.badData, "a state is missing: please report this", place: "block \(layer)")
        }
        return found
    }

    private func fill(
        _ layers: Range<Int>, keeping: (Int) -> Bool, _ progress: (Double) -> Void
    ) throws(Fault) {
        guard var current = states[layers.lowerBound] else { return }
        try passage.forward(layers) { (step) throws(Fault) in
            let next = try HiddenStream(
                samples: current.samples, tokens: current.tokens, hidden: current.hidden, dtype: .bfloat16,
                place: place)
            try step.advance(
                SampleLane(
                    current, into: next, rotary: rotary, batch: batch, device: passage.source.decoder.device))
            current = next
            if keeping(step.layer + 1) { states[step.layer + 1] = next }
            progress(Double(step.layer + 1 - layers.lowerBound) / Double(layers.count))
        }
    }
}
