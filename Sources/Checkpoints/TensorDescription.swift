import Faults

/// A tensor's name, shape and type, without its data.
public struct TensorDescription: Equatable, Sendable {
    public var name: String
    /// Sizes from the outermost dimension inwards, as in PyTorch; empty for a scalar.
    public var shape: [Int]
    public var type: StoredType
    /// How the source stores it, for people: the safetensors type, or a GGUF type such as "Q4_1".
    public var encoding: String

    public init(name: String, shape: [Int], type: StoredType, encoding: String? = nil) {
        self.name = name
        self.shape = shape
        self.type = type
        self.encoding = encoding ?? type.rawValue
    }

    /// Elements. Shapes are checked for overflow when they are read.
    public var count: Int { shape.reduce(1, *) }

    /// Bytes of the data in `type`.
    public var byteCount: Int { count * type.bitCount / 8 }

    /// Elements of a shape, or nil when the number does not fit.
    static func count(of shape: [Int]) -> Int? {
        var product = 1
        for size in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: size)
            if overflow { return nil }
            product = next
        }
        return product
    }
}
