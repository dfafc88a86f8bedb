import Faults
import Files
import JSONText

/// A safetensors file opened for reading; its header is checked, its data is read on demand.
public struct SafetensorsFile: Sendable {
    public let path: String
    public let header: SafetensorsHeader
    private let file: InputFile

    /// - Throws: `missingInput`, `inputOutput`, or `badData` for any breach of the format.
    public init(_ path: String) throws(Fault) {
        let file = try InputFile(path)
        let start = try file.bytes(at: 0, count: min(file.size, 256))
        let length = try SafetensorsHeader.length(start, fileSize: file.size, file: path)
        let json = try file.bytes(at: 8, count: length)
        self.path = path
        self.file = file
        self.header = try SafetensorsHeader(json: json, fileSize: file.size, file: path)
    }

    /// Bytes of the file.
    public var size: Int { file.size }

    /// In the order of the data.
    public var tensors: [TensorDescription] { header.entries.map(\.tensor) }

    public func tensor(_ name: String) -> TensorDescription? {
        header.positions[ExactText(name)].map { header.entries[$0].tensor }
    }

    /// Reads `buffer.count` bytes of a tensor's data, as stored, from byte `start` of it.
    ///
    /// - Throws: `badData` for an unknown name or a range beyond the tensor, `inputOutput` when the disk fails or the
    ///   file has changed since it was opened.
    public func read(_ name: String, from start: Int = 0, into buffer: UnsafeMutableRawBufferPointer) throws(Fault) {
        let entry = try entry(name)
        guard start >= 0, buffer.count <= entry.tensor.byteCount - start else {
            throw Fault(
                .badData, "more data was requested than the tensor contains", file: path, place: "tensor '\(name)'",
                found: "bytes \(start)..<\(start + buffer.count)", expected: "within \(entry.tensor.byteCount) bytes")
        }
        try file.read(into: buffer, at: entry.offset + start)
    }

    /// A tensor's data as stored.
    public func bytes(_ name: String) throws(Fault) -> [UInt8] {
        let entry = try entry(name)
        return try file.bytes(at: entry.offset, count: entry.tensor.byteCount)
    }

    /// A tensor's data as values of a type with the same bytes.
    ///
    /// - Throws: as `bytes`; `interrupted` where there is not the memory for them.
    public func values<Element: BitwiseCopyable>(_ name: String, as type: Element.Type) throws(Fault) -> [Element] {
        let entry = try entry(name)
        return try Checkpoint.filled(entry.tensor.byteCount / MemoryLayout<Element>.stride) { (buffer) throws(Fault) in
            try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: entry.offset)
        }
    }

    /// A tensor's data as stored, a few megabytes at a time.
    public func parts(_ name: String, take: (UnsafeRawBufferPointer) throws(Fault) -> Void) throws(Fault) {
        let entry = try entry(name)
        let part = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(entry.tensor.byteCount, 4 << 20), alignment: 16)
        defer { part.deallocate() }
        var done = 0
        while done < entry.tensor.byteCount {
            let target = UnsafeMutableRawBufferPointer(
                rebasing: part[..<min(part.count, entry.tensor.byteCount - done)])
            try file.read(into: target, at: entry.offset + done)
            try take(UnsafeRawBufferPointer(target))
            done += target.count
        }
    }

    /// - Throws: `inputOutput` when the file is not as it was when opened.
    public func checkUnchanged() throws(Fault) { try file.checkUnchanged() }

    private func entry(_ name: String) throws(Fault) -> SafetensorsHeader.Entry {
        guard let position = header.positions[ExactText(name)] else {
            throw Fault(.badData, "the file has no such tensor", file: path, place: "tensor '\(name)'")
        }
        return header.entries[position]
    }
}
