import Faults
import Files
import JSONText

/// Writes a safetensors file as a stream: the header from the known shapes, then each tensor's data in `order`.
///
/// The layout is the reference implementation's: types by falling alignment, then names; the header is padded with
/// spaces to a multiple of 8; metadata begins with `{"format": "pt"}`, which other loaders require. The same tensors
/// give the same bytes. The file gets its name when `finish()` returns.
public final class SafetensorsWriter {
    /// The tensors in the order in which their data must be written.
    public let order: [TensorDescription]
    private let file: OutputFile
    private var next = 0
    /// Bytes of the current tensor that are written.
    private var written = 0

    /// - Parameter metadata: what the header tells besides the format; texts only, as the format wants it.
    /// - Throws: `badData` for a name that stands twice, `inputOutput` when the file cannot be made.
    public init(
        _ path: String, _ tensors: [TensorDescription], metadata: KeyValuePairs<String, String> = [:]
    ) throws(Fault) {
        order = SafetensorsWriter.ordered(tensors)
        var names: Set<ExactText> = []
        for tensor in tensors where !names.insert(ExactText(tensor.name)).inserted {
            throw Fault(.badData, "a tensor is to be written twice", file: path, place: "tensor '\(tensor.name)'")
        }
        file = try OutputFile(path)
        try file.write(SafetensorsWriter.header(order, metadata: metadata))
    }

    /// Bytes of the file that holds these tensors.
    public static func fileSize(_ tensors: [TensorDescription]) -> Int {
        header(ordered(tensors)).count + tensors.reduce(0) { $0 + $1.byteCount }
    }

    /// Writes the next bytes of a tensor, little-endian in its type; a tensor may come in parts.
    ///
    /// - Throws: `badData` when it is not this tensor's turn or the bytes are too many, `inputOutput` when the disk
    ///   refuses.
    public func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws(Fault) {
        skipEmpty(before: name)
        guard next < order.count, ExactText(order[next].name) == ExactText(name) else {
            throw Fault(
                .badData, "tensors are written out of order", file: file.path, place: "tensor '\(name)'",
                expected: next < order.count ? "'\(order[next].name)'" : "no more tensors")
        }
        guard written + bytes.count <= order[next].byteCount else {
            throw Fault(
                .badData, "a tensor's data is longer than its shape requires", file: file.path,
                place: "tensor '\(name)'",
                found: "\(written + bytes.count) bytes", expected: "\(order[next].byteCount) bytes")
        }
        try file.write(bytes)
        written += bytes.count
        if written == order[next].byteCount {
            next += 1
            written = 0
        }
    }

    public func write(_ name: String, _ bytes: [UInt8]) throws(Fault) {
        let result: Result<Void, Fault> = bytes.withUnsafeBytes { buffer in
            do throws(Fault) { return .success(try write(name, buffer)) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// Makes the file durable and gives it its name.
    public func finish() throws(Fault) -> FileDigest {
        skipEmpty(before: nil)
        guard next == order.count else {
            throw Fault(
                .badData, "a tensor's data was not written", file: file.path, place: "tensor '\(order[next].name)'",
                found: "\(written) bytes", expected: "\(order[next].byteCount) bytes")
        }
        return try file.finish()
    }

    /// Tensors without elements need no call.
    private func skipEmpty(before name: String?) {
        while next < order.count, order[next].byteCount == 0, name.map({ ExactText($0) }) != ExactText(order[next].name)
        {
            next += 1
        }
    }

    private static func ordered(_ tensors: [TensorDescription]) -> [TensorDescription] {
        tensors.sorted { left, right in
            left.type.rank != right.type.rank
                ? left.type.rank > right.type.rank : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
        }
    }

    /// The length and the padded JSON.
    private static func header(
        _ tensors: [TensorDescription], metadata: KeyValuePairs<String, String> = [:]
    ) -> [UInt8] {
        var header = JSONObject()
        var about = JSONObject()
        about["format"] = .string("pt")
        for (key, value) in metadata { about[key] = .string(value) }
        header["__metadata__"] = .object(about)
        var offset = 0
        for tensor in tensors {
            header[tensor.name] = .object([
                "dtype": .string(tensor.type.rawValue), "shape": .array(tensor.shape.map { .integer($0) }),
                "data_offsets": .array([.integer(offset), .integer(offset + tensor.byteCount)]),
            ])
            offset += tensor.byteCount
        }
        var json = Array(JSONValue.object(header).text(pretty: false).utf8)
        json += [UInt8](repeating: 0x20, count: (8 - json.count % 8) % 8)
        return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
    }
}
