import Decoders
import Torch

extension Block {
    /// The block without the units that its candidates removed: rows (and biases) of q, k and v and columns of o by
    /// head, rows of gate and up and columns of down by neuron. A sub-layer without any units left is left out with its
    /// norm and biases.
    ///
    /// - Parameters:
    ///   - attention: of the dense block; nil leaves the sub-layer as it is.
    ///   - mlp: the same.
    public func compacted(attention: Candidate?, mlp: Candidate?) -> Block {
        var copy = self
        let width = geometry.headDimension
        if let attention, case .heads(let groups) = attention.kept {
            func rows(_ heads: [Int]) -> [Int] { heads.flatMap { Array($0 * width..<($0 + 1) * width) } }
            let (query, key) = (rows(groups.flatMap(\.queryHeads)), rows(groups.map(\.keyValueHead)))
            copy.geometry.headCount = groups.reduce(0) { $0 + $1.queryHeads.count }
            copy.geometry.keyValueHeadCount = groups.count
            copy.qkv = qkv.selecting([.q: query, .k: key, .v: key])
            copy.o = Projection(
                weight: attention.weight.to(o.weight.dtype), bias: groups.isEmpty ? nil : o.bias, parts: o.parts)
        }
        if let mlp, case .neurons(let neurons) = mlp.kept {
            copy.gateUp = gateUp.selecting([.gate: neurons, .up: neurons])
            copy.down = Projection(
                weight: mlp.weight.to(down.weight.dtype), bias: neurons.isEmpty ? nil : down.bias, parts: down.parts)
        }
        copy.dropNormsOfNothing()
        return copy
    }

    /// The block with the output matrices of its candidates, what they removed filled with zeros: the same function at
    /// the dense shapes.
    public func masked(attention: Candidate?, mlp: Candidate?) -> Block {
        var copy = self
        let width = geometry.headDimension
        for (candidate, name) in [(attention, ProjectionName.o), (mlp, .down)] {
            guard let candidate else { continue }
            copy[name] = self[name].with(weight: candidate.widened(to: self[name].inputWidth, headDimension: width))
            // A sub-layer that is left out adds nothing, not even its bias.
            if candidate.kept.isEmpty { copy[name].bias = nil }
        }
        return copy
    }
}

extension Candidate {
    /// [hidden, width] with zeros in the columns that are gone.
    func widened(to width: Int, headDimension: Int) -> Tensor {
        let columns = kept.columns(headDimension: headDimension)
        var places = [Int64](repeating: Int64(columns.count), count: width)
        for (place, column) in columns.enumerated() { places[column] = Int64(place) }
        let padded = Tensor.concatenated(
            [weight, Tensor.zeros([weight.size(0), 1], device: weight.device)], dimension: 1)
        return padded.selected(Tensor(places, device: weight.device), dimension: 1)
    }
}

extension Projection {
    /// The same linears with some of their rows, each in the order given.
    fileprivate func selecting(_ kept: [LinearName: [Int]]) -> Projection {
        var rows: [Int64] = []
        var shapes: [(name: LinearName, rows: Int)] = []
        for part in parts {
            let chosen = kept[part.name] ?? Array(0..<part.rows)
            let offset = offset(of: part.name) ?? 0
            rows += chosen.map { Int64(offset + $0) }
            shapes.append((part.name, chosen.count))
        }
        let index = Tensor(rows, device: weight.device)
        let bias = rows.isEmpty ? nil : bias?.selected(index)
        return Projection(weight: weight.selected(index), bias: bias, parts: shapes)
    }
}
