import Faults
import Files
import JSONText

/// A GGUF file (version 2 or 3, little-endian) opened for reading: header checked, data read on demand.
struct GGUFFile: Sendable {
    struct Entry: Sendable {
        var name: String
        /// From the outermost dimension inwards: the reverse of the file's order.
        var shape: [Int]
        var type: GGUFTensorType
        /// Bytes from the beginning of the file.
        var offset: Int
        var byteCount: Int
        /// The index of the file that holds it, where a model lies in several.
        var part = 0

        /// Elements; the header was refused where they are too many.
        var count: Int { TensorDescription.count(of: shape) ?? 0 }
    }

    let file: InputFile
    let metadata: GGUFMetadata
    /// In the order of the file.
    let entries: [Entry]
    /// Bytes after the last tensor and its padding; a sound file has none.
    let trailingBytes: Int

    var path: String { file.path }

    /// Each has a name and an entry in memory, so that their number is limited apart from the header's bytes.
    static let mostTensors: UInt64 = 1 << 17
    static let mostKeys: UInt64 = 1 << 14

    static let magic = Array("GGUF".utf8)

    /// What stood before GGUF, by the first four bytes.
    private static let earlierFormats = [
        "lmgg": "GGML of before August 2023", "fmgg": "GGMF of before August 2023",
        "tjgg": "GGJT of before August 2023", "algg": "a LoRA adapter (GGLA) of before August 2023",
    ]

    init(_ path: String) throws(Fault) {
        let file = try InputFile(path)
        let start = try file.bytes(at: 0, count: min(file.size, 256))
        if let disguised = DisguisedContent.fault(start, file: path) { throw disguised }
        if let before = GGUFFile.earlierFormats[String(decoding: start.prefix(4), as: UTF8.self)] {
            throw Fault(
                .badData, "this file is of a format that GGUF has replaced", file: path, place: "byte 0",
                found: before, expected: "the letters GGUF",
                advice: "use a GGUF file of the model, or convert the original again with a current converter")
        }
        guard start.starts(with: GGUFFile.magic) else {
            throw Fault(
                .badData, "this is not a GGUF file", file: path, place: "byte 0",
                found: start.isEmpty ? "an empty file" : "\(start.prefix(4))", expected: "the letters GGUF")
        }
        var cursor = GGUFCursor(file)
        _ = try cursor.bytes(4, "magic")
        try GGUFFile.checkVersion(try cursor.uint32("version"), path)
        // The smallest tensor entry has 24 bytes, the smallest key-value pair 14.
        let tensorCount = try cursor.count("number of tensors", size: 24, limit: GGUFFile.mostTensors)
        let pairCount = try cursor.count("number of metadata keys", size: 14, limit: GGUFFile.mostKeys)
        var metadata = GGUFMetadata(file: path)
        for _ in 0..<pairCount { try GGUFFile.readPair(&cursor, into: &metadata) }
        let alignment = try GGUFFile.alignment(metadata)
        var headers: [GGUFTensorHeader] = []
        var names: Set<ExactText> = []
        for _ in 0..<tensorCount {
            let header = try GGUFTensorHeader(&cursor)
            guard names.insert(ExactText(header.name)).inserted else {
                throw Fault(.badData, "a tensor name appears twice", file: path, place: "tensor '\(header.name)'")
            }
            headers.append(header)
        }
        (entries, trailingBytes) = try GGUFFile.place(
            headers, headerEnd: cursor.offset, alignment: alignment, fileSize: file.size, path)
        self.file = file
        self.metadata = metadata
    }

    private static func checkVersion(_ version: UInt32, _ path: String) throws(Fault) {
        if version == 2 || version == 3 { return }
        let swapped = version.byteSwapped
        if (1...3).contains(swapped) {
            throw Fault(
                .badData, "this GGUF file is big-endian", file: path, place: "byte 4",
                found: "version \(swapped) with swapped bytes", expected: "a little-endian file",
                advice: "convert the model again on a little-endian machine")
        }
        throw Fault(
            .badData, "this GGUF version is not supported", file: path, place: "byte 4", found: "version \(version)",
            expected: "version 2 or 3", advice: "convert the model again with a current converter")
    }

    private static func readPair(_ cursor: inout GGUFCursor, into metadata: inout GGUFMetadata) throws(Fault) {
        let start = cursor.offset
        let key = try cursor.string("metadata key")
        func fault(_ summary: String, found: String? = nil, expected: String? = nil) -> Fault {
            Fault(
                .badData, summary, file: metadata.file, place: "byte \(start), key '\(key)'", found: found,
                expected: expected)
        }
        guard !key.isEmpty else { throw fault("a GGUF metadata key is empty") }
        func type() throws(Fault) -> GGUFValueType {
            let code = try cursor.uint32("type of key '\(key)'")
            guard let type = GGUFValueType(rawValue: code) else {
                throw fault("a GGUF metadata value has an unknown type", found: "type \(code)", expected: "0 to 12")
            }
            return type
        }
        let what = "value of key '\(key)'"
        let value: GGUFValue
        switch try type() {
        case .string: value = .string(try cursor.string(what))
        case .array:
            let element = try type()
            if element == .array {
                throw fault("arrays of arrays are not allowed in GGUF metadata")
            } else if element == .string {
                value = .strings(try PackedStrings(&cursor, what))
            } else {
                let size = element.byteCount ?? 1
                let count = try cursor.count(what, size: size)
                let bytes = try cursor.wholeBytes(count * size, what)
                if element == .bool, bytes.contains(where: { $0 > 1 }) { throw fault("a boolean is neither 0 nor 1") }
                value = .packed(bytes, element)
            }
        case let scalar:
            let bytes = try cursor.bytes(scalar.byteCount ?? 1, what)
            if scalar == .bool, bytes.contains(where: { $0 > 1 }) { throw fault("a boolean is neither 0 nor 1") }
            value = GGUFValue(scalar: bytes, scalar)
        }
        guard metadata.insert(key, value) else { throw fault("a GGUF metadata key appears twice") }
    }

    private static func alignment(_ metadata: GGUFMetadata) throws(Fault) -> Int {
        let key = "general.alignment"
        guard let value = metadata[key] else { return 32 }
        guard case .integer(let alignment, .uint32) = value else {
            throw metadata.wrong(key, value, "an unsigned 32-bit integer")
        }
        guard alignment > 0, alignment & (alignment - 1) == 0 else {
            throw Fault(
                .badData, "the GGUF alignment is not a power of two", file: metadata.file, place: "key '\(key)'",
                found: "\(alignment)", expected: "a power of two such as 32")
        }
        return alignment
    }

    /// Checks that the tensors' data follow each other, padded to the alignment, and lie within the file.
    private static func place(
        _ headers: [GGUFTensorHeader], headerEnd: Int, alignment: Int, fileSize: Int, _ path: String
    ) throws(Fault) -> ([Entry], trailingBytes: Int) {
        func padded(_ offset: Int) -> Int? {
            let (sum, overflow) = offset.addingReportingOverflow(alignment - 1)
            return overflow ? nil : sum & ~(alignment - 1)
        }
        var entries: [Entry] = []
        let dataStart = padded(headerEnd)
        var next = dataStart
        var end = headerEnd
        for header in headers {
            func fault(_ summary: String, found: String, expected: String) -> Fault {
                Fault(
                    .badData, summary, file: path, place: "tensor '\(header.name)'", found: found, expected: expected,
                    advice: "download the file again and compare its size with the source's")
            }
            guard let start = next, let dataStart else {
                throw fault("the tensors' sizes overflow", found: "offset beyond 2^63", expected: "a smaller file")
            }
            guard header.offset == UInt64(start - dataStart) else {
                throw fault(
                    "the data of a GGUF tensor does not follow the one before it", found: "offset \(header.offset)",
                    expected: "offset \(start - dataStart)")
            }
            let (last, overflow) = start.addingReportingOverflow(header.byteCount)
            guard !overflow, last <= fileSize else {
                throw fault(
                    "the GGUF file is incomplete", found: "\(fileSize) bytes",
                    expected: overflow ? "more than 2^63 bytes" : "at least \(last) bytes")
            }
            entries.append(
                Entry(
                    name: header.name, shape: header.shape, type: header.type, offset: start,
                    byteCount: header.byteCount))
            next = padded(last)
            end = last
        }
        let soundEnd = padded(end) ?? end
        return (entries, max(0, fileSize - soundEnd))
    }

    /// Reads elements of a tensor as float32, a few megabytes of the file at a time.
    ///
    /// - Parameters:
    ///   - start: the first element, that of a row: rows are whole blocks.
    ///   - target: as many elements, of whole rows.
    func read(
        _ entry: Entry, from start: Int, into target: UnsafeMutableBufferPointer<Float>
    ) throws(Fault) {
        let (size, bytes) = (entry.type.blockSize, entry.type.blockBytes)
        let (first, blocks) = (start / size, target.count / size)
        let stride = max(1, (4 << 20) / bytes)
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: min(blocks, stride) * bytes, alignment: 16)
        defer { scratch.deallocate() }
        var block = 0
        while block < blocks {
            let count = min(stride, blocks - block)
            let source = UnsafeMutableRawBufferPointer(rebasing: scratch[..<(count * bytes)])
            try file.read(into: source, at: entry.offset + (first + block) * bytes)
            Dequantisation.dequantise(
                UnsafeRawBufferPointer(source), entry.type,
                into: UnsafeMutableBufferPointer(rebasing: target[block * size..<(block + count) * size]))
            block += count
        }
    }
}
