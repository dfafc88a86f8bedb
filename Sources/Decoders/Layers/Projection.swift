import Torch

/// Linears that share an input, their weights stacked in one tensor so that they are one matrix product.
public struct Projection {
    /// [Σ out, in]: the linears' rows, one after the other.
    public var weight: Tensor
    /// [Σ out]; zero where a linear has none.
    public var bias: Tensor?
    /// Rows of each linear.
    public let parts: [(name: LinearName, rows: Int)]
    /// What gradients go to in the weight's place; the weight holds it already.
    public var adapter: LowRank?

    /// scale · B A on some rows of a weight.
    public struct LowRank {
        /// [parts · r, in]
        public let a: Tensor
        /// [Σ rows of the parts, r]
        public let b: Tensor
        public let scale: Double
        /// The rows of the weight that each part is added to.
        public let parts: [Range<Int>]

        public init(a: Tensor, b: Tensor, scale: Double, parts: [Range<Int>]) {
            (self.a, self.b, self.scale, self.parts) = (a, b, scale, parts)
        }
    }

    public init(weight: Tensor, bias: Tensor?, parts: [(name: LinearName, rows: Int)]) {
        self.weight = weight
        self.bias = bias
        self.parts = parts
    }

    /// x [.., in] -> [.., Σ out], in the weight's number type.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard let adapter else { return x.linear(weight, bias: bias) }
        return x.linear(
            weight, bias: bias, lowRank: adapter.a, adapter.b, scale: adapter.scale, parts: adapter.parts)
    }

    public var inputWidth: Int { weight.size(1) }

    /// Where a linear's rows begin.
    public func offset(of name: LinearName) -> Int? {
        var offset = 0
        for part in parts {
            if part.name == name { return offset }
            offset += part.rows
        }
        return nil
    }

    /// The same linears with another weight: another number type, or a leaf of back-propagation.
    public func with(weight: Tensor) -> Projection {
        Projection(weight: weight, bias: bias?.to(weight.dtype), parts: parts)
    }

    /// Views of one tensor's rows, by linear.
    public func rows(of tensor: Tensor) -> [(name: LinearName, rows: Tensor)] {
        var offset = 0
        return parts.map { part in
            defer { offset += part.rows }
            return (part.name, tensor.narrowed(0, offset, part.rows))
        }
    }
}
