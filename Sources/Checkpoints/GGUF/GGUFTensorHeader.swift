import Faults

/// One entry of a GGUF file's tensor list, checked by itself.
struct GGUFTensorHeader {
    var name: String
    /// From the outermost dimension inwards: the reverse of the file's order.
    var shape: [Int]
    var type: GGUFTensorType
    /// Bytes from the beginning of the data, as the file says.
    var offset: UInt64
    var byteCount: Int

    init(_ cursor: inout GGUFCursor) throws(Fault) {
        let path = cursor.file.path
        let start = cursor.offset
        let name = try cursor.string("tensor name")
        func fault(_ summary: String, found: String, expected: String? = nil, advice: String? = nil) -> Fault {
            Fault(
                .badData, summary, file: path, place: "byte \(start), tensor '\(name)'", found: found,
                expected: expected, advice: advice)
        }
        guard name.utf8.count < 64 else {
            throw fault("a GGUF tensor name is too long", found: "\(name.utf8.count) bytes", expected: "at most 63")
        }
        let rank = try cursor.uint32("number of dimensions")
        guard rank <= 4 else {
            throw fault("a GGUF tensor has too many dimensions", found: "\(rank)", expected: "at most 4")
        }
        var sizes: [Int] = []
        for _ in 0..<rank {
            let size = try cursor.uint64("dimensions of '\(name)'")
            guard size <= UInt64(Int.max) else {
                throw fault("a dimension is too large", found: "\(size)", expected: "below 2^63")
            }
            sizes.append(Int(size))
        }
        let code = try cursor.uint32("type of '\(name)'")
        guard let type = GGUFTensorType(rawValue: code) else {
            throw fault(
                "the tensor type \(GGUFTensorType.unsupportedNames[code] ?? "\(code)") is not supported",
                found: "type \(code)", expected: GGUFTensorType.allCases.map(\.name).joined(separator: " "),
                advice: "use a file of the same model with one of these types")
        }
        let row = sizes.first ?? 1
        guard row % type.blockSize == 0 else {
            throw fault(
                "a row does not hold whole blocks of \(type.name)", found: "\(row) elements",
                expected: "a multiple of \(type.blockSize)")
        }
        // The bound holds for the sizes in any order, and leaves room for the bytes of each element.
        guard let count = TensorDescription.count(of: sizes) else {
            throw fault(
                "the tensor's size overflows", found: "\(sizes)",
                expected: "at most \(TensorDescription.mostElements) elements")
        }
        self.name = name
        self.shape = sizes.reversed()
        self.type = type
        self.byteCount = count / type.blockSize * type.blockBytes
        self.offset = try cursor.uint64("offset of '\(name)'")
    }
}
