import Faults
import JSONText

/// The header of a safetensors file, every rule of the format checked.
///
/// The format: 8 bytes with the header's length N (little-endian), N bytes of JSON, then the data without holes up to
/// the end of the file.
public struct SafetensorsHeader: Sendable {
    /// A tensor and where its data stands.
    public struct Entry: Equatable, Sendable {
        public var tensor: TensorDescription
        /// Bytes from the beginning of the file.
        public var offset: Int

        var end: Int { offset + tensor.byteCount }
    }

    /// In the order of the data.
    public let entries: [Entry]
    public let metadata: JSONObject
    /// Bytes before the data.
    public let dataStart: Int
    /// Of the tensors by name, where they stand in `entries`.
    let positions: [ExactText: Int]

    static let lengthLimit = 100_000_000
    /// Each has an entry and a name in memory, several times over; models have some thousand.
    static let mostTensors = 1 << 16
    /// Of `__metadata__`, or of one entry, as values.
    private static let memory = 16 << 20
    /// The format sets no bound; PyTorch's tensors have up to 64 dimensions, NumPy's too, and weights up to five.
    static let mostDimensions = 64
    static let entryKeys: Set<String> = ["dtype", "shape", "data_offsets"]

    /// Reads the 8 bytes of the length.
    ///
    /// - Throws: `badData` when the file is too short, or the length is beyond 100,000,000 or the file's end.
    static func length(_ start: [UInt8], fileSize: Int, file: String) throws(Fault) -> Int {
        if let disguised = DisguisedContent.fault(start, file: file) { throw disguised }
        guard start.count >= 8 else {
            throw Fault(
                .badData, "the file is too small to be a safetensors file", file: file, found: "\(fileSize) bytes",
                expected: "at least 8 bytes for the header's length", advice: downloadAdvice)
        }
        let length = start[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(lengthLimit) else {
            throw Fault(
                .badData, "the safetensors header is too large", file: file, place: "byte 0", found: "\(length) bytes",
                expected: "at most \(lengthLimit) bytes", advice: "check that this is a safetensors file")
        }
        guard Int(length) + 8 <= fileSize else {
            throw Fault(
                .badData, "the safetensors header ends beyond the file; was the download cut off?", file: file,
                place: "byte 0", found: "a file of \(fileSize) bytes", expected: "at least \(length + 8) bytes",
                advice: downloadAdvice)
        }
        return Int(length)
    }

    static let downloadAdvice = "download the file again and compare its size with the source's"

    /// Checks the JSON of a header.
    ///
    /// - Parameters:
    ///   - json: the header's bytes without the length.
    ///   - fileSize: bytes of the whole file.
    init(json: [UInt8], fileSize: Int, file: String) throws(Fault) {
        let dataStart = json.count + 8
        self.dataStart = dataStart
        guard json.first == UInt8(ascii: "{") else {
            throw Fault(
                .badData, "the safetensors header is not a JSON object", file: file, place: "byte 8",
                found: json.isEmpty ? "an empty header" : "byte \(json[0])", expected: "'{'")
        }
        var entries: [Entry] = []
        var metadata: JSONObject?
        // What an entry says wrongly, told apart from text that is no JSON.
        var wrong: Fault?
        let limits = JSONLimits(depth: 8, elements: SafetensorsHeader.mostDimensions, memory: SafetensorsHeader.memory)
        do throws(Fault) {
            try JSONValue.members(parsing: json, limits: limits) { (name, value) throws(Fault) in
                do throws(Fault) {
                    if name == "__metadata__" {
                        guard metadata == nil else { throw SafetensorsHeader.doubled(name, file: file) }
                        metadata = try SafetensorsHeader.metadata(value, file: file)
                    } else {
                        guard entries.count < SafetensorsHeader.mostTensors else {
                            throw Fault(
                                .badData, "the safetensors header has too many tensors", file: file,
                                found: "more than \(SafetensorsHeader.mostTensors)",
                                expected: "at most \(SafetensorsHeader.mostTensors)",
                                advice: "spread the tensors over several files with an index")
                        }
                        entries.append(
                            try SafetensorsHeader.entry(name, value, dataStart: dataStart, file: file))
                    }
                } catch {
                    wrong = error
                    throw error
                }
            }
        } catch {
            if let wrong { throw wrong }
            var fault = error
            fault.summary = "the safetensors header is damaged: " + error.summary
            throw fault.inFile(file)
        }
        entries.sort { ($0.offset, $0.end) < ($1.offset, $1.end) }
        var positions = [ExactText: Int](minimumCapacity: entries.count)
        for (position, entry) in entries.enumerated() {
            guard positions.updateValue(position, forKey: ExactText(entry.tensor.name)) == nil else {
                throw SafetensorsHeader.doubled(entry.tensor.name, file: file)
            }
        }
        self.entries = entries
        self.positions = positions
        self.metadata = metadata ?? JSONObject()
        try checkContiguous(fileSize: fileSize, file: file)
    }

    private static func doubled(_ name: String, file: String) -> Fault {
        Fault(
            .badData, "a name appears twice in the safetensors header", file: file, place: "tensor '\(name)'",
            advice: downloadAdvice)
    }

    /// The data has no holes, no overlaps and ends where the file ends.
    private func checkContiguous(fileSize: Int, file: String) throws(Fault) {
        var expected = dataStart
        for entry in entries {
            guard entry.offset == expected else {
                let problem = entry.offset < expected ? "overlaps the tensor before it" : "leaves a hole before it"
                throw Fault(
                    .badData, "the data of a tensor \(problem)", file: file, place: "tensor '\(entry.tensor.name)'",
                    found: "begin \(entry.offset - dataStart)", expected: "begin \(expected - dataStart)",
                    advice: SafetensorsHeader.downloadAdvice)
            }
            expected = entry.end
        }
        if expected > fileSize {
            throw Fault(
                .badData, "the file is incomplete", file: file, found: "\(fileSize) bytes",
                expected: "\(expected) bytes by its header", advice: SafetensorsHeader.downloadAdvice)
        }
        if expected < fileSize {
            throw Fault(
                .badData, "\(fileSize - expected) extra bytes follow the last tensor", file: file,
                found: "\(fileSize) bytes", expected: "\(expected) bytes by its header",
                advice: SafetensorsHeader.downloadAdvice)
        }
    }

    private static func metadata(_ value: JSONValue, file: String) throws(Fault) -> JSONObject {
        guard let object = value.objectValue else {
            throw Fault(
                .badData, "'__metadata__' is not an object", file: file, place: "safetensors header",
                found: value.kindName, expected: "an object of strings")
        }
        for (key, value) in object.members where value.stringValue == nil {
            throw Fault(
                .badData, "a value of '__metadata__' is not a string", file: file, place: "__metadata__.\(key)",
                found: value.kindName, expected: "a string")
        }
        return object
    }

    private static func entry(
        _ name: String, _ value: JSONValue, dataStart: Int, file: String
    ) throws(Fault) -> Entry {
        func fault(_ summary: String, found: String? = nil, expected: String? = nil, advice: String? = nil) -> Fault {
            Fault(
                .badData, summary, file: file, place: "tensor '\(name)'", found: found, expected: expected,
                advice: advice)
        }
        guard let object = value.objectValue, Set(object.keys) == entryKeys else {
            throw fault(
                "a tensor's header entry is malformed",
                found: value.objectValue.map { "keys \($0.keys.joined(separator: ", "))" } ?? value.kindName,
                expected: "an object with dtype, shape and data_offsets")
        }
        guard let typeName = object["dtype"]?.stringValue, let type = StoredType(rawValue: typeName) else {
            throw fault(
                "the tensor has an unknown dtype", found: object["dtype"]?.kindName,
                expected:
                    "one of \(StoredType.allCases.filter { !$0.isQuantised }.map(\.rawValue).joined(separator: " "))")
        }
        guard let shapeValues = object["shape"]?.arrayValue else {
            throw fault("the shape is not an array", found: object["shape"]?.kindName, expected: "an array of integers")
        }
        var shape: [Int] = []
        for item in shapeValues { shape.append(try naturalNumber(item, "a shape holds", fault)) }
        guard let count = TensorDescription.count(of: shape) else {
            throw fault(
                "the shape's product is too large", found: "\(shape)",
                expected: "at most \(TensorDescription.mostElements) elements")
        }
        let bits = count * type.bitCount
        guard bits % 8 == 0 else {
            throw fault("a packed tensor does not fill whole bytes", found: "\(type.rawValue) \(shape)")
        }
        guard !type.isQuantised else {
            throw fault(
                "this is a quantized checkpoint", found: "dtype \(type.rawValue)",
                expected: "F32, F16 or BF16 weights", advice: "dequantize it first, or start from the original model")
        }
        guard let offsets = object["data_offsets"]?.arrayValue, offsets.count == 2 else {
            throw fault("data_offsets is not a pair", found: object["data_offsets"]?.kindName, expected: "[begin, end]")
        }
        let begin = try naturalNumber(offsets[0], "data_offsets holds", fault)
        let end = try naturalNumber(offsets[1], "data_offsets holds", fault)
        guard begin <= end else { throw fault("data_offsets are swapped", found: "[\(begin), \(end)]") }
        guard end - begin == bits / 8 else {
            throw fault(
                "the length of the data does not match shape and dtype", found: "\(end - begin) bytes",
                expected: "\(bits / 8) bytes for \(type.rawValue) \(shape)")
        }
        guard end <= Int.max - dataStart else { throw fault("data_offsets are too large", found: "\(end)") }
        let tensor = TensorDescription(name: name, shape: shape, type: type)
        return Entry(tensor: tensor, offset: dataStart + begin)
    }

    private static func naturalNumber(
        _ value: JSONValue, _ what: String, _ fault: (String, String?, String?, String?) -> Fault
    ) throws(Fault) -> Int {
        guard let number = value.integerValue, number >= 0 else {
            throw fault(
                "\(what) something else than a natural number", value.kindName, "an integer ≥ 0 below 2^63", nil)
        }
        return number
    }
}
