import Faults
import Files
import JSONText

/// The GGUF files that make one model: one, or the parts of a split model in their order.
///
/// A split model's first part holds the metadata; every part says by `split.no`, `split.count` and
/// `split.tensors.count` which part it is, of how many files and of how many tensors in all, and its name ends in
/// `-00001-of-00003.gguf`. Any part may be named: the others are looked for beside it.
struct GGUFParts: Sendable {
    let files: [GGUFFile]
    /// The tensors of all parts, in their order.
    let entries: [GGUFFile.Entry]

    /// The first part's.
    let path: String
    let metadata: GGUFMetadata

    /// - Parameter path: the file, or any part.
    /// - Throws: `missingInput` naming the parts that are not there, `badData` for parts that do not belong together.
    init(_ path: String) throws(Fault) {
        let file: GGUFFile
        do throws(Fault) { file = try GGUFFile(path) } catch {
            if error.kind == .badData, let fault = GGUFParts.cutFile(path) { throw fault }
            throw error
        }
        guard let split = try GGUFSplit(file) else {
            files = [file]
            entries = file.entries
            self.path = path
            metadata = file.metadata
            return
        }
        let names = try split.names(file)
        let missing = names.filter { FileSystem.kind($0) == nil }
        guard missing.isEmpty else {
            let shown = missing.prefix(8).map(FileSystem.last).joined(separator: ", ")
            throw Fault(
                .missingInput, "parts of the split GGUF model are missing", file: path,
                found: "\(names.count - missing.count) of \(names.count) parts",
                expected: shown + (missing.count > 8 ? " and \(missing.count - 8) more" : ""),
                advice: "put all parts into one folder")
        }
        var files: [GGUFFile] = []
        for (index, name) in names.enumerated() {
            let part = index == split.index ? file : try GGUFFile(name)
            try split.check(part, index: index, against: file)
            files.append(part)
        }
        (entries, self.files) = (try GGUFParts.joined(files, expected: split.tensors), files)
        self.path = files[0].path
        metadata = files[0].metadata
    }

    /// The tensors of all parts, none of them twice, as many as the parts say.
    private static func joined(_ files: [GGUFFile], expected: Int?) throws(Fault) -> [GGUFFile.Entry] {
        var entries: [GGUFFile.Entry] = []
        var names: Set<ExactText> = []
        for (index, file) in files.enumerated() {
            for var entry in file.entries {
                guard names.insert(ExactText(entry.name)).inserted else {
                    throw Fault(
                        .badData, "two parts of the split GGUF model hold the same tensor", file: file.path,
                        place: "tensor '\(entry.name)'", advice: GGUFSplit.advice)
                }
                entry.part = index
                entries.append(entry)
            }
        }
        if let expected, entries.count != expected {
            throw Fault(
                .badData,
                "the parts of the split GGUF model do not have as many tensors as their metadata names",
                file: files[0].path, place: "key '\(GGUFSplit.tensorsKey)'", found: "\(entries.count) tensors",
                expected: "\(expected)", advice: GGUFSplit.advice)
        }
        return entries
    }

    /// A piece of a file that was cut by bytes, as large files once were for upload: only joining makes a file of it.
    private static func cutFile(_ path: String) -> Fault? {
        let name = FileSystem.last(path).lowercased()
        let isCut =
            name.contains("gguf-split-") || name.contains("gguf.split-")
            || name.firstRange(of: /gguf\.part[0-9]+of[0-9]+$/) != nil
        guard isCut else { return nil }
        return Fault(
            .badData, "this is a piece of a GGUF file that was cut into pieces", file: path,
            expected: "the whole file", advice: "join the pieces in their order: cat model.gguf-split-* > model.gguf")
    }

    /// Bytes after the last tensor of each part that has such.
    var trailing: [(path: String, bytes: Int)] {
        files.filter { $0.trailingBytes > 0 }.map { ($0.path, $0.trailingBytes) }
    }

    /// Reads elements of a tensor as float32.
    ///
    /// - Parameters:
    ///   - start: the first element, that of a row.
    ///   - target: as many elements, of whole rows.
    func read(
        _ entry: GGUFFile.Entry, from start: Int, into target: UnsafeMutableBufferPointer<Float>
    ) throws(Fault) {
        try files[entry.part].read(entry, from: start, into: target)
    }

    func checkUnchanged() throws(Fault) {
        for file in files { try file.file.checkUnchanged() }
    }
}
