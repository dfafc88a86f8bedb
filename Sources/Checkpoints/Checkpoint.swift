import Faults
import Files
import JSONText

/// A model as its owner has it: a Hugging Face folder or a GGUF file, shown the same way.
///
/// Tensors have the names, shapes and row order that Hugging Face uses; opening reads headers only. Values are
/// `Sendable` and reading is thread-safe.
public struct Checkpoint: Sendable {
    public enum Format: String, Sendable {
        case huggingFace = "Hugging Face folder"
        case gguf = "GGUF file"
    }

    /// The folder or file; for a GGUF model in several files that of the first.
    public let path: String
    public let format: Format
    /// `config.json`, every key in order; for a GGUF file the equivalent made from its metadata.
    public let configuration: JSONObject
    /// In the order of the files. `lm_head.weight` is left out when the configuration ties it to the embedding.
    public let tensors: [TensorDescription]
    /// The type that an output keeps: the one that holds most of the weights' bytes. For a quantised source it is the
    /// type of the values handed out, float32.
    public let weightType: StoredType
    /// Whether weights were stored in fewer bits than they are handed out with.
    public let isQuantised: Bool
    /// The types of a GGUF file's matrices, where it says them.
    public let types: GGUFTypes?
    public let tiesWordEmbeddings: Bool
    /// What the user should know and may ignore; nothing is printed here.
    public let warnings: [String]
    /// Files that a copy of the model carries along: tokenizer, chat template, generation defaults, licence.
    public let sideFiles: [SideFile]
    /// The model's own card, README.md, where it has one; for a GGUF file what its metadata say of licence and origin.
    public let card: SideFile?
    /// Files and folders that a copy of the model does not carry along, by name; folders end in a slash.
    public let filesLeft: [String]
    /// Files that hold tensors, by name, and their sizes in bytes; none where the configuration alone is there.
    public let weightFiles: [(name: String, bytes: Int)]

    private let positions: [ExactText: Int]
    private let source: any TensorSource
    private let diagnosis: WeightDiagnosis?

    init(
        path: String, format: Format, configuration: JSONObject, tensors: [TensorDescription], weightType: StoredType,
        isQuantised: Bool, tiesWordEmbeddings: Bool, warnings: [String], sideFiles: [SideFile],
        card: SideFile?, weightFiles: [(name: String, bytes: Int)], source: any TensorSource,
        filesLeft: [String] = [], diagnosis: WeightDiagnosis? = nil, types: GGUFTypes? = nil
    ) {
        self.path = path
        self.format = format
        self.configuration = configuration
        self.tensors = tensors
        self.weightType = weightType
        self.isQuantised = isQuantised
        self.types = types
        self.tiesWordEmbeddings = tiesWordEmbeddings
        self.warnings = warnings
        self.sideFiles = sideFiles
        self.card = card
        self.weightFiles = weightFiles
        self.positions = Dictionary(
            tensors.enumerated().map { (ExactText($1.name), $0) }, uniquingKeysWith: { first, _ in first })
        self.source = source
        self.filesLeft = filesLeft
        self.diagnosis = diagnosis
    }

    /// The same model, its tensors read through something that changes what its source gives.
    func reading(through other: (any TensorSource) -> any TensorSource) -> Checkpoint {
        Checkpoint(
            path: path, format: format, configuration: configuration, tensors: tensors, weightType: weightType,
            isQuantised: isQuantised, tiesWordEmbeddings: tiesWordEmbeddings, warnings: warnings,
            sideFiles: sideFiles, card: card, weightFiles: weightFiles, source: other(source), filesLeft: filesLeft,
            diagnosis: diagnosis, types: types)
    }

    /// The tensors that a configuration calls for, given it and its file's path.
    public typealias Description = (JSONObject, String) throws(Fault) -> [(name: String, shape: [Int])]

    /// Opens MODEL: a folder with `config.json` and safetensors, or a `.gguf` file, which may be any part of a split
    /// model.
    ///
    /// - Parameter description: where it is given, a folder may also hold `config.json` without any weights. The
    ///   tensors are then these, in the number type that the configuration names, and reading one throws
    ///   `missingInput`.
    /// - Throws: `missingInput` when something is not there, `badData` when it breaks its format or is not supported,
    ///   `inputOutput` when the disk refuses.
    public static func open(_ path: String, orDescribed description: Description? = nil) throws(Fault) -> Checkpoint {
        switch FileSystem.kind(path) {
        case nil:
            throw Fault(
                .missingInput, "the model does not exist", file: path, found: HubName.found(path),
                expected: "a Hugging Face folder (config.json and safetensors) or a .gguf file",
                advice: HubName.advice(path))
        case .folder: return try HuggingFaceFolder.open(path, orDescribed: description)
        case .file, .other:
            let name = FileSystem.last(path)
            if name.hasSuffix(".safetensors") {
                throw Fault(
                    .badData, "a safetensors file alone is not a model", file: path,
                    expected: "the folder with config.json beside it", advice: "pass the folder instead of the file")
            }
            if let fault = PickledWeights.fault([name], folder: FileSystem.parent(path)) { throw fault }
            return try GGUFModel.open(path)
        }
    }

    public func tensor(_ name: String) -> TensorDescription? { positions[ExactText(name)].map { tensors[$0] } }

    /// Why a tensor is missing, or has an unexpected shape or type, as far as the folder tells: weights of a
    /// quantiser, an adapter, a head that is not there. Nil when nothing but the tensor is known.
    public func cause(ofUnusable name: String) -> Fault? { diagnosis?.cause(of: name) }

    /// Whether tensors can be read: false where the configuration alone is there.
    public var hasWeights: Bool { !weightFiles.isEmpty }

    /// Elements of all tensors.
    public var parameterCount: Int { tensors.reduce(0) { $0 + $1.count } }

    /// Where a file of `weightFiles` lies.
    public func path(ofWeightFile name: String) -> String {
        FileSystem.joined(format == .gguf ? FileSystem.parent(path) : path, name)
    }

    /// The name of the file that holds a tensor.
    public func weightFile(of name: String) -> String? { source.weightFile(of: name) }

    /// Reads a tensor as float32, rows in PyTorch's order.
    ///
    /// - Parameter target: exactly the tensor's elements.
    /// - Throws: `badData` for an unknown name, a wrong length or a type that is not floating-point, `inputOutput` when
    ///   reading fails or the file has changed since it was opened.
    public func read(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws(Fault) {
        let tensor = try known(name)
        guard target.count == tensor.count else {
            throw wrongLength(tensor, found: target.count * 4, expected: tensor.count * 4)
        }
        try source.read(tensor, from: 0, into: target)
    }

    /// Reads some rows of a matrix as float32: a table need not be in memory as a whole.
    ///
    /// - Parameter target: exactly the rows' elements.
    /// - Throws: as `read`; `badData` for rows that the tensor does not have.
    public func read(
        _ name: String, rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws(Fault) {
        let tensor = try known(name)
        let count = tensor.shape.first ?? 0
        guard count > 0, rows.lowerBound >= 0, rows.upperBound <= count else {
            throw Fault(
                .badData, "the tensor does not have these rows", file: path, place: "tensor '\(name)'",
                found: "rows \(rows)", expected: "within 0..<\(count)")
        }
        let width = tensor.count / count
        guard target.count == rows.count * width else {
            throw wrongLength(tensor, found: target.count * 4, expected: rows.count * width * 4)
        }
        try source.read(tensor, from: rows.lowerBound * width, into: target)
    }

    /// Reads a tensor's bytes in its `type`, little-endian.
    public func readStored(_ name: String, into target: UnsafeMutableRawBufferPointer) throws(Fault) {
        let tensor = try known(name)
        guard target.count == tensor.byteCount else {
            throw wrongLength(tensor, found: target.count, expected: tensor.byteCount)
        }
        try source.readStored(tensor, into: target)
    }

    /// A tensor's bytes in its `type`, little-endian, one part after another: one that a folder stores is never in
    /// memory as a whole.
    public func storedParts(
        _ name: String, take: (UnsafeRawBufferPointer) throws(Fault) -> Void
    ) throws(Fault) {
        let tensor = try known(name)
        let size = source.readsParts ? min(tensor.byteCount, 4 << 20) : tensor.byteCount
        try FreeMemory.check(size, for: "a tensor", file: path)
        let part = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { part.deallocate() }
        var done = 0
        while done < tensor.byteCount {
            let count = min(size, tensor.byteCount - done)
            let target = UnsafeMutableRawBufferPointer(rebasing: part[..<count])
            try source.readStored(tensor, from: done, into: target)
            try take(UnsafeRawBufferPointer(target))
            done += count
        }
    }

    /// A tensor as float32.
    public func floats(_ name: String) throws(Fault) -> [Float] {
        let tensor = try known(name)
        return try Checkpoint.filled(tensor.count) { (buffer) throws(Fault) in
            try source.read(tensor, from: 0, into: buffer)
        }
    }

    /// A tensor's bytes in its `type`, little-endian.
    public func storedBytes(_ name: String) throws(Fault) -> [UInt8] {
        let tensor = try known(name)
        return try Checkpoint.filled(tensor.byteCount) { (buffer) throws(Fault) in
            try source.readStored(tensor, into: UnsafeMutableRawBufferPointer(buffer))
        }
    }

    /// An array that is read in place.
    static func filled<Element>(
        _ count: Int, read: (UnsafeMutableBufferPointer<Element>) throws(Fault) -> Void
    ) throws(Fault) -> [Element] {
        try FreeMemory.check(count * MemoryLayout<Element>.stride, for: "a tensor")
        var fault: Fault?
        let values = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(Fault) {
                try read(UnsafeMutableBufferPointer(start: buffer.baseAddress, count: count))
                initialized = count
            } catch { fault = error }
        }
        if let fault { throw fault }
        return values
    }

    /// - Throws: `inputOutput` when a file of weights is not as it was when opened; ask before publishing.
    public func checkUnchanged() throws(Fault) { try source.checkUnchanged() }

    /// The tokenizer as one `tokenizer.json`, made of all files that speak of it or of a GGUF file's metadata; nil when
    /// there is none.
    ///
    /// - Throws: `badData` for files that are wrong or of a form that is not supported, `inputOutput` when one cannot
    ///   be read.
    public func tokenizer() throws(Fault) -> FolderTokenizer? {
        func bytes(_ name: String) throws(Fault) -> [UInt8]? {
            try sideFiles.first { $0.name == name }.map { (file) throws(Fault) in try file.bytes() }
        }
        switch format {
        case .huggingFace:
            let made = try FolderTokenizer(folder: path, configuration: configuration, read: bytes)
            if made == nil, let fault = UnreadTokenizer.fault(folder: path) { throw fault }
            return made
        case .gguf:
            guard case .tokenizer(let text)? = sideFiles.first(where: { $0.name == "tokenizer.json" })?.content else {
                return nil
            }
            return FolderTokenizer(text, file: path)
        }
    }

    /// The bytes of `tokenizer()`; for a GGUF file they are many more than the tokenizer takes otherwise.
    public func tokenizerJSON() throws(Fault) -> [UInt8]? { try tokenizer()?.json }

    private func known(_ name: String) throws(Fault) -> TensorDescription {
        guard let tensor = tensor(name) else {
            throw Fault(.badData, "the model has no such tensor", file: path, place: "tensor '\(name)'")
        }
        return tensor
    }

    private func wrongLength(_ tensor: TensorDescription, found: Int, expected: Int) -> Fault {
        Fault(
            .badData, "a tensor was read into memory of another size", file: path, place: "tensor '\(tensor.name)'",
            found: "\(found) bytes", expected: "\(expected) bytes")
    }
}

/// Where a checkpoint's tensors come from. Lengths have been checked by the caller.
protocol TensorSource: Sendable {
    /// Reads as many elements as `target` has, from the row that begins with element `start`.
    func read(
        _ tensor: TensorDescription, from start: Int, into target: UnsafeMutableBufferPointer<Float>
    ) throws(Fault)
    func readStored(_ tensor: TensorDescription, into target: UnsafeMutableRawBufferPointer) throws(Fault)
    /// Whether bytes can be read from the middle of a tensor; else it is read as a whole.
    var readsParts: Bool { get }
    func readStored(
        _ tensor: TensorDescription, from start: Int, into target: UnsafeMutableRawBufferPointer
    ) throws(Fault)
    func weightFile(of name: String) -> String?
    func checkUnchanged() throws(Fault)
}

extension TensorSource {
    var readsParts: Bool { false }

    func readStored(
        _ tensor: TensorDescription, from start: Int, into target: UnsafeMutableRawBufferPointer
    ) throws(Fault) {
        try readStored(tensor, into: target)
    }
}
