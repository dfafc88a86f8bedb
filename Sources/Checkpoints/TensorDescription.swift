import Faults

/// A tensor's name, shape and type, without its data.
public struct TensorDescription: Equatable, Sendable {
    public var name: String
    /// Sizes from the outermost dimension inwards, as in PyTorch; empty for a scalar.
    public let shape: [Int]
    public var type: StoredType
    /// How the source stores it, for people: the safetensors type, or a GGUF type such as "Q4_1".
    public var encoding: String

    /// Of a tensor that is in memory, or is made of one: its shape is known to be possible.
    public init(name: String, shape: [Int], type: StoredType, encoding: String? = nil) {
        self.name = name
        self.shape = shape
        self.type = type
        self.encoding = encoding ?? type.rawValue
    }

    /// Of a tensor that a file or a configuration tells of.
    ///
    /// - Throws: `badData` when elements or bytes are more than `mostElements`, in whichever order its sizes are
    ///   multiplied.
    init(
        told name: String, shape: [Int], type: StoredType, encoding: String? = nil, file: String
    ) throws(Fault) {
        guard TensorDescription.count(of: shape) != nil else {
            throw Fault(
                .badData, "the tensor's size overflows", file: file, place: "tensor '\(name)'", found: "\(shape)",
                expected: "at most \(TensorDescription.mostElements) elements")
        }
        self.init(name: name, shape: shape, type: type, encoding: encoding)
    }

    /// Far beyond every model. A few numbers of eight bytes for each element can still be counted, and the elements of
    /// all tensors of a model added up.
    static let mostElements = 1 << 52

    /// Elements.
    public var count: Int {
        // Without a trap for a shape that was made by hand: what is then read does not have this size.
        TensorDescription.count(of: shape) ?? TensorDescription.mostElements
    }

    /// Bytes of the data in `type`.
    public var byteCount: Int { count * type.bitCount / 8 }

    /// Elements of a shape, or nil when they are too many. Nothing that the sizes can be multiplied to, in any order
    /// and with any of them left out, is then larger: a size of 0 hides no other.
    static func count(of shape: [Int]) -> Int? {
        var product = 1
        for size in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: max(1, size))
            guard !overflow, size >= 0, next <= mostElements else { return nil }
            product = next
        }
        return shape.contains(0) ? 0 : product
    }

    /// - Throws: `badData` when the elements of all tensors cannot be added up.
    static func checkTotal(_ tensors: [TensorDescription], file: String) throws(Fault) {
        var total = 0
        for tensor in tensors {
            total += tensor.count
            guard total <= mostElements else {
                throw Fault(
                    .badData, "the tensors are too large together", file: file, place: "tensor '\(tensor.name)'",
                    found: "\(total) elements up to here", expected: "at most \(mostElements)")
            }
        }
    }
}
