import CTorch

/// A number type of tensors.
public enum DType: Int32, Sendable, CaseIterable {
    case uint8 = 0
    case int32 = 3
    case int64 = 4
    case float16 = 5
    case float32 = 6
    case float64 = 7
    case bool = 11
    case bfloat16 = 15

    public var byteCount: Int {
        switch self {
        case .uint8, .bool: 1
        case .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64: 8
        }
    }

    /// The type in which products are differentiated where this one is asked for: float16's exponent holds neither the
    /// small gradients nor the large ones, and they would become zero or infinity.
    public var forGradients: DType { self == .float16 ? .float32 : self }

    var c: esp_dtype { esp_dtype(rawValue: UInt32(bitPattern: rawValue)) }
}

/// Where a tensor lives.
public enum Device: Equatable, Sendable {
    case cpu
    case cuda(Int)

    var c: Int32 {
        switch self {
        case .cpu: -1
        case .cuda(let index): Int32(index)
        }
    }
}

/// An n-dimensional array of numbers: Swift's handle on a libtorch tensor.
///
/// Not `Sendable`: all tensors of a process belong to its engine thread. A mistake in shapes is ours and traps with
/// libtorch's message; memory that runs out and a device that fails are the world's and end the process with an exit
/// code and advice.
public final class Tensor {
    let handle: esp_tensor

    /// Takes ownership of a handle that a shim function returned.
    init(_ handle: esp_tensor?, _ operation: StaticString = #function) {
        guard let handle else { Engine.fail(operation) }
        self.handle = handle
    }

    deinit { esp_free(handle) }

    // MARK: Making

    public static func empty(_ shape: [Int], _ dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        Tensor(esp_empty(shape.map(Int64.init), Int32(shape.count), dtype.c, device.c))
    }

    public static func full(
        _ shape: [Int], _ value: Double, _ dtype: DType = .float32, device: Device = .cpu
    ) -> Tensor {
        Tensor(esp_full(shape.map(Int64.init), Int32(shape.count), value, dtype.c, device.c))
    }

    public static func zeros(_ shape: [Int], _ dtype: DType = .float32, device: Device = .cpu) -> Tensor {
        full(shape, 0, dtype, device: device)
    }

    /// A copy of `bytes`, which hold the elements in row-major order.
    public convenience init(
        bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType, device: Device = .cpu
    ) {
        precondition(bytes.count == shape.reduce(1, *) * dtype.byteCount, "bytes do not match the shape")
        self.init(
            esp_from_bytes(bytes.baseAddress, shape.map(Int64.init), Int32(shape.count), dtype.c, device.c))
    }

    public convenience init(_ values: [Float], shape: [Int]? = nil, device: Device = .cpu) {
        self.init(array: values, shape: shape, dtype: .float32, device: device)
    }

    public convenience init(_ values: [Int64], shape: [Int]? = nil, device: Device = .cpu) {
        self.init(array: values, shape: shape, dtype: .int64, device: device)
    }

    public convenience init(_ values: [Int32], shape: [Int]? = nil, device: Device = .cpu) {
        self.init(array: values, shape: shape, dtype: .int32, device: device)
    }

    private convenience init<Element>(array: [Element], shape: [Int]?, dtype: DType, device: Device) {
        let shape = shape ?? [array.count]
        precondition(array.count == shape.reduce(1, *), "values do not match the shape")
        let handle = array.withUnsafeBytes {
            esp_from_bytes($0.baseAddress, shape.map(Int64.init), Int32(shape.count), dtype.c, device.c)
        }
        self.init(handle)
    }

    /// Copies of the parts of a tensor side by side along a dimension.
    public static func concatenated(_ tensors: [Tensor], dimension: Int = 0) -> Tensor {
        let handles: [esp_tensor?] = tensors.map(\.handle)
        return Tensor(handles.withUnsafeBufferPointer { esp_cat($0.baseAddress, Int32($0.count), Int32(dimension)) })
    }

    // MARK: Shape and place

    public var rank: Int { Int(esp_rank(handle)) }
    public var shape: [Int] { (0..<esp_rank(handle)).map { Int(esp_size(handle, $0)) } }
    public func size(_ dimension: Int) -> Int { Int(esp_size(handle, Int32(dimension))) }
    public var count: Int { Int(esp_element_count(handle)) }
    public var byteCount: Int { count * dtype.byteCount }
    public var dtype: DType {
        let code = Int32(bitPattern: esp_get_dtype(handle).rawValue)
        guard let dtype = DType(rawValue: code) else { preconditionFailure("a tensor of libtorch's type \(code)") }
        return dtype
    }
    public var device: Device { esp_device(handle) < 0 ? .cpu : .cuda(Int(esp_device(handle))) }

    public func to(_ dtype: DType) -> Tensor { dtype == self.dtype ? self : Tensor(esp_to_dtype(handle, dtype.c)) }
    public func to(_ device: Device) -> Tensor {
        device == self.device ? self : Tensor(esp_to_device(handle, device.c))
    }
    public func clone() -> Tensor { Tensor(esp_clone(handle)) }
    public func contiguous() -> Tensor { esp_is_contiguous(handle) ? self : Tensor(esp_contiguous(handle)) }
    public func reshaped(_ shape: [Int]) -> Tensor {
        Tensor(esp_reshape(handle, shape.map(Int64.init), Int32(shape.count)))
    }
    public func transposed(_ a: Int, _ b: Int) -> Tensor { Tensor(esp_transpose(handle, Int32(a), Int32(b))) }
    /// A view of `length` entries from `start` along a dimension.
    public func narrowed(_ dimension: Int, _ start: Int, _ length: Int) -> Tensor {
        Tensor(esp_narrow(handle, Int32(dimension), Int64(start), Int64(length)))
    }
    /// Views of consecutive parts with the given sizes along a dimension.
    public func split(_ sizes: [Int], dimension: Int) -> [Tensor] {
        var parts = [esp_tensor?](repeating: nil, count: sizes.count)
        let done = esp_split(handle, sizes.map(Int64.init), Int32(sizes.count), Int32(dimension), &parts)
        Engine.require(done)
        return parts.map { Tensor($0) }
    }
    /// The entries with the given int64 indices along a dimension.
    public func selected(_ index: Tensor, dimension: Int = 0) -> Tensor {
        Tensor(esp_index_select(handle, Int32(dimension), index.handle))
    }
    /// Overwrites the rows with the given int64 indices.
    public func setRows(_ index: Tensor, to values: Tensor) {
        Engine.require(esp_index_copy(handle, index.handle, values.handle))
    }
    public func gathered(_ index: Tensor, dimension: Int) -> Tensor {
        Tensor(esp_gather(handle, Int32(dimension), index.handle))
    }

    // MARK: Values

    /// The elements in row-major order, converted to float32.
    public func floats() -> [Float] { copied(to(.float32), Float.self) }
    public func int64s() -> [Int64] { copied(to(.int64), Int64.self) }
    public func doubles() -> [Double] { copied(to(.float64), Double.self) }

    private func copied<Element>(_ source: Tensor, _ type: Element.Type) -> [Element] {
        Engine.requireMemory(source.byteCount)
        return [Element](unsafeUninitializedCapacity: source.count) { buffer, count in
            Engine.require(esp_copy_to_bytes(source.handle, buffer.baseAddress, source.byteCount))
            count = source.count
        }
    }

    /// The elements' bytes in row-major order.
    public func bytes() -> [UInt8] {
        Engine.requireMemory(byteCount)
        return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            Engine.require(esp_copy_to_bytes(handle, buffer.baseAddress, byteCount))
            count = byteCount
        }
    }

    /// The storage of a contiguous CPU tensor, to fill or read in place.
    public func withMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let pointer = esp_data_pointer(handle)
        precondition(pointer != nil || count == 0, "only a contiguous tensor on the CPU has bytes in place")
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeMutableRawBufferPointer(start: pointer, count: byteCount))
    }

    /// The only element. On a GPU this is where an earlier operation's failure shows.
    public var scalar: Double {
        var value = 0.0
        Engine.require(esp_item(handle, &value))
        return value
    }

    // MARK: Autograd

    /// The same values outside the graph.
    public func detached() -> Tensor { Tensor(esp_detach(handle)) }
    public func requireGradient(_ required: Bool = true) {
        Engine.require(esp_set_requires_grad(handle, required))
    }
    /// Has the gradient of an intermediate result kept by the next backward pass, as it is of leaves.
    public func retainGradient() { Engine.require(esp_retain_grad(handle)) }
    /// The gradient that a backward pass left here; the tensor no longer holds it afterwards.
    public func takeGradient() -> Tensor { Tensor(esp_take_grad(handle)) }
    /// Back-propagates from here; `gradient` is the derivative by this tensor, 1 for a scalar.
    public func backward(gradient: Tensor? = nil) {
        Engine.require(esp_backward(handle, gradient?.handle))
    }
}
