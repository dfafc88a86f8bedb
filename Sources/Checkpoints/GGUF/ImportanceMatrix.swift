import Faults
import Files
import JSONText

/// How large the inputs of each linear layer are on a calibration text: what llama.cpp calls an imatrix.
///
/// With x the inputs of a layer and e the errors of its quantized weights, the mean of (Σ e_j·x_j)² is about
/// Σ e_j²·mean(x_j²): the means say how much an error of each column counts.
public struct ImportanceMatrix: Equatable, Sendable {
    /// Of one matrix.
    public struct Entry: Equatable, Sendable {
        /// Σ x_j² over tokens, for each input j, finite and not negative.
        public var sums: [Float]
        /// Tokens that were added up.
        public var count: Float

        public init(sums: [Float], count: Float) { (self.sums, self.count) = (sums, count) }
    }

    /// By GGUF's names of the matrices.
    public var entries: [String: Entry]
    /// Names of the calibration texts.
    public var datasets: [String]
    /// Sequences, and tokens of a sequence.
    public var chunks: Int
    public var chunkSize: Int

    public init(entries: [String: Entry], datasets: [String], chunks: Int, chunkSize: Int) {
        (self.entries, self.datasets, self.chunks, self.chunkSize) = (entries, datasets, chunks, chunkSize)
    }

    private static let sums = ".in_sum2"
    private static let counts = ".counts"
    /// In bytes: a GGUF file's names have 63, and the ending stands after it.
    private static let longestName = 63 - sums.utf8.count

    /// Reads a file of llama.cpp's: GGUF, or its earlier form.
    ///
    /// - Throws: `missingInput`, `inputOutput`; `badData` for what is neither, and for sums that are no numbers.
    public init(reading path: String) throws(Fault) {
        let file = try InputFile(path)
        let start = try file.bytes(at: 0, count: min(4, file.size))
        self = start == GGUFFile.magic ? try ImportanceMatrix(gguf: path) : try ImportanceMatrix(earlier: file)
        guard !entries.isEmpty else {
            throw Fault(
                .badData, "the importance matrix is empty", file: path, found: "no matrix",
                expected: "sums for the model's matrices")
        }
        for (name, entry) in entries {
            guard !entry.sums.isEmpty else {
                throw Fault(
                    .badData, "the importance matrix has a matrix without inputs", file: path,
                    place: "matrix '\(name)'", found: "0 sums", expected: "one for each input",
                    advice: "make the file again")
            }
            guard name.utf8.count <= ImportanceMatrix.longestName else {
                throw Fault(
                    .badData, "the importance matrix has a name that is too long", file: path,
                    place: "matrix '\(name)'", found: "\(name.utf8.count) bytes",
                    expected: "at most \(ImportanceMatrix.longestName)")
            }
            guard let wrong = entry.sums.firstIndex(where: { !($0.isFinite && $0 >= 0) }) else { continue }
            throw Fault(
                .badData, "the importance matrix has a sum of squares that cannot be one", file: path,
                place: "matrix '\(name)', input \(wrong)", found: "\(entry.sums[wrong])",
                expected: "a finite number that is not negative", advice: "make the file again")
        }
    }

    private init(gguf path: String) throws(Fault) {
        let file = try GGUFParts(path)
        let type = try file.metadata.string("general.type")
        guard type == "imatrix" else {
            throw Fault(
                .badData, "this GGUF file holds no importance matrix", file: path, place: "key 'general.type'",
                found: type ?? "none", expected: "imatrix")
        }
        let values = Dictionary(uniqueKeysWithValues: file.entries.map { (ExactText($0.name), $0) })
        func read(_ entry: GGUFFile.Entry) throws(Fault) -> [Float] {
            guard entry.type == .f32 else {
                throw Fault(
                    .badData, "a tensor of the importance matrix has another type", file: path,
                    place: "tensor '\(entry.name)'", found: entry.type.name, expected: "F32")
            }
            var numbers = [Float](repeating: 0, count: entry.count)
            var fault: Fault?
            numbers.withUnsafeMutableBufferPointer { target in
                do throws(Fault) { try file.read(entry, from: 0, into: target) } catch { fault = error }
            }
            if let fault { throw fault }
            return numbers
        }
        var entries: [String: Entry] = [:]
        for sums in file.entries where sums.name.hasSuffix(ImportanceMatrix.sums) {
            let name = String(sums.name.dropLast(ImportanceMatrix.sums.count))
            guard let counts = values[ExactText(name + ImportanceMatrix.counts)] else {
                throw Fault(
                    .badData, "the importance matrix has sums without their count", file: path,
                    place: "tensor '\(sums.name)'", expected: "a tensor '\(name)\(ImportanceMatrix.counts)' beside it")
            }
            // Experts have a row each.
            guard counts.count == 1 else { continue }
            entries[name] = Entry(sums: try read(sums), count: try read(counts)[0])
        }
        self.init(
            entries: entries, datasets: [], chunks: (try? file.metadata.integer("imatrix.chunk_count")) ?? 0,
            chunkSize: (try? file.metadata.integer("imatrix.chunk_size")) ?? 0)
        if case .strings(let names)? = file.metadata["imatrix.datasets"] { datasets = Array(names) }
    }

    /// The form before GGUF: the number of matrices; for each its name, the number of calls c, and c·mean(x_j²).
    private init(earlier file: InputFile) throws(Fault) {
        var cursor = GGUFCursor(file)
        func fault(_ what: String, _ value: Int) -> Fault {
            Fault(
                .badData, "this file holds no importance matrix", file: file.path, place: "byte \(cursor.offset - 4)",
                found: "\(value) as the \(what)", expected: "a GGUF file with general.type imatrix, or its earlier form"
            )
        }
        func number(_ what: String, most: Int) throws(Fault) -> Int {
            let value = Int(Int32(bitPattern: try cursor.uint32(what)))
            guard (0...most).contains(value) else { throw fault(what, value) }
            return value
        }
        var entries: [String: Entry] = [:]
        for _ in 0..<(try number("number of matrices", most: 1 << 16)) {
            let name = String(
                decoding: try cursor.bytes(try number("length of a name", most: 256), "name"), as: UTF8.self)
            let calls = try number("number of calls", most: .max)
            let count = try number("number of sums", most: (file.size - cursor.offset) / 4)
            let bytes = try cursor.bytes(4 * count, "sums")
            let sums = bytes.withUnsafeBytes { bytes in
                (0..<count).map {
                    Float(
                        bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
                }
            }
            guard entries.updateValue(Entry(sums: sums, count: Float(max(1, calls))), forKey: name) == nil else {
                throw Fault(
                    .badData, "the importance matrix has a matrix twice", file: file.path, place: "matrix '\(name)'",
                    expected: "each once", advice: "make the file again")
            }
        }
        self.init(entries: entries, datasets: [], chunks: 0, chunkSize: 0)
    }

    /// The file in GGUF's form.
    public func bytes(file: String) -> [UInt8] {
        var keys = GGUFKeys(file: file)
        keys.set("general.type", "imatrix")
        keys.set("imatrix.datasets", datasets)
        keys.set("imatrix.chunk_count", chunks)
        keys.set("imatrix.chunk_size", chunkSize)
        let names = entries.keys.sorted()
        var tensors: [(GGUFHeader.Tensor, [Float])] = []
        for name in names {
            guard let entry = entries[name] else { continue }
            tensors.append((.init(name + ImportanceMatrix.sums, [1, entry.sums.count], .f32), entry.sums))
            tensors.append((.init(name + ImportanceMatrix.counts, [1, 1], .f32), [entry.count]))
        }
        var bytes = GGUFHeader(keys, tensors.map(\.0)).bytes
        for (tensor, values) in tensors {
            for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
            bytes += [UInt8](repeating: 0, count: tensor.padding)
        }
        return bytes
    }

    /// How much an error of each column of a matrix counts, about 1 on average.
    ///
    /// A column that the calibration text does not use may be used by others: a thousandth of the mean is added.
    ///
    /// - Returns: nil for a matrix that has no entry, or one of zeros.
    public func weights(_ name: String) -> [Float]? {
        guard let entry = entries[name], !entry.sums.isEmpty else { return nil }
        let mean = entry.sums.reduce(0.0) { $0 + Double($1) } / Double(entry.sums.count)
        guard mean > 0 else { return nil }
        return entry.sums.map { Float(Double($0) / mean + 1e-3) }
    }
}
