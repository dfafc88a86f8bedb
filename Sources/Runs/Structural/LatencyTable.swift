import Decoders
import JSONText
import Structure
import Torch

/// Measured times of a layer's halves by shape, never rising as a shape shrinks.
///
/// One prompt of `tokens` tokens passes a sub-layer of random weights as it would in a forward pass; norm, rotation and
/// residual included. Times are of this machine, its threads and number type.
struct LatencyTable: Equatable {
    static let tokens = 512

    private var entries: [LayerShape: Int] = [:]

    init() {}

    /// Whether all shapes that are not empty were measured.
    func covers(_ parts: Set<LayerShape>) -> Bool {
        parts.allSatisfy { entries[$0] != nil || !($0.hasAttention || $0.hasMLP) }
    }

    func nanoseconds(_ part: LayerShape) -> Int { entries[part] ?? 0 }

    /// - Parameter parts: sub-layers' shapes, each with one half only.
    static func measure(_ parts: Set<LayerShape>, block: Block, rotary: RotaryTable) -> LatencyTable {
        var table = LatencyTable()
        let hidden = block.o.weight.size(0)
        let values = (0..<UInt32(tokens * hidden)).map { Float(($0 &* 2_654_435_761) >> 8) * 0x1p-24 - 0.5 }
        let x = Tensor(values, shape: [1, tokens, hidden], device: block.o.weight.device)
        for part in parts where part.hasAttention || part.hasMLP {
            let pruned = block.first(part)
            table.entries[part] = shortest {
                Engine.withoutGradient {
                    if part.hasAttention {
                        _ = pruned.attend(x, rotary: rotary).narrowed(1, 0, 1).sum().scalar
                    } else {
                        _ = (x + pruned.contract(pruned.expand(x))).narrowed(1, 0, 1).sum().scalar
                    }
                }
            }
        }
        table.order()
        return table
    }

    /// Nanoseconds of the fastest of several calls.
    private static func shortest(_ body: () -> Void) -> Int {
        body()
        var best = Double.infinity
        for _ in 0..<15 { best = min(best, WorkClock.seconds(body)) }
        return Int((best * 1e9).rounded(.up))
    }

    /// A smaller shape that seemed slower gets the time of the larger one.
    private mutating func order() {
        let parts = entries.keys.sorted {
            ($0.headCount, $0.keyValueHeadCount, $0.intermediateSize)
                > ($1.headCount, $1.keyValueHeadCount, $1.intermediateSize)
        }
        for (place, part) in parts.enumerated() {
            for larger in parts[..<place]
            where larger.headCount >= part.headCount && larger.keyValueHeadCount >= part.keyValueHeadCount
                && larger.intermediateSize >= part.intermediateSize && larger.hasMLP == part.hasMLP
            {
                entries[part] = min(entries[part] ?? 0, entries[larger] ?? 0)
            }
        }
    }

    /// As journal and report say it.
    var json: JSONValue {
        .array(
            entries.sorted {
                ($0.key.intermediateSize, $0.key.headCount, $0.key.keyValueHeadCount)
                    < ($1.key.intermediateSize, $1.key.headCount, $1.key.keyValueHeadCount)
            }.map { part, nanoseconds in
                .array(
                    [part.headCount, part.keyValueHeadCount, part.intermediateSize, nanoseconds]
                        .map(JSONValue.integer))
            })
    }

    init?(json: JSONValue) {
        guard let rows = json.arrayValue else { return nil }
        for row in rows {
            guard let values = row.arrayValue?.compactMap(\.integerValue), values.count == 4 else { return nil }
            entries[
                LayerShape(headCount: values[0], keyValueHeadCount: values[1], intermediateSize: values[2])] = values[3]
        }
    }
}

extension Block {
    /// The block with one half cut down to a shape, whichever units: what counts is the size.
    fileprivate func first(_ part: LayerShape) -> Block {
        if part.hasMLP {
            let weight = down.weight.narrowed(1, 0, part.intermediateSize).contiguous()
            return compacted(
                attention: nil,
                mlp: Candidate(kept: .neurons(Array(0..<part.intermediateSize)), weight: weight, error: 0))
        }
        let perGroup = part.headCount / part.keyValueHeadCount
        let whole = geometry.headCount / geometry.keyValueHeadCount
        let groups = (0..<part.keyValueHeadCount).map {
            HeadGroup(keyValueHead: $0, queryHeads: Array($0 * whole..<$0 * whole + perGroup))
        }
        let weight = o.weight.narrowed(1, 0, part.headCount * geometry.headDimension).contiguous()
        return compacted(attention: Candidate(kept: .heads(groups), weight: weight, error: 0), mlp: nil)
    }
}
