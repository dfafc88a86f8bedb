import Torch

/// Linears that share an input, their weights stacked in one tensor so that they are one matrix product.
public struct Projection {
    /// [Σ out, in]: the linears' rows, one after the other.
    public var weight: Tensor
    /// [Σ out]; zero where a linear has none.
    public var bias: Tensor?
    /// Rows of each linear.
    public let parts: [(name: LinearName, rows: Int)]

    public init(weight: Tensor, bias: Tensor?, parts: [(name: LinearName, rows: Int)]) {
        self.weight = weight
        self.bias = bias
        self.parts = parts
    }

    /// x [.., in] -> [.., Σ out], in the weight's number type.
    public func callAsFunction(_ x: Tensor) -> Tensor { x.linear(weight, bias: bias) }

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
