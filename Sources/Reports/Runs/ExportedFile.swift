import Faults
import Files
import JSONText
import Records

/// A GGUF file that was exported from a published folder, as `export --results` tells of it.
public struct ExportedFile: Equatable, Sendable {
    /// The file's name without its folder.
    public var name: String
    /// The type that was asked for.
    public var type: String
    public var bytes: Int
    public var sha256: String
    /// What the matrices lost by their types: √(Σ (x' − x)² / Σ x²).
    public var relativeError: Double?
    /// On what the file was scored; the dense perplexity is that of the folder on the same tokens.
    public var texts: [PublishedRun.Text]
    /// SHA-256 of the completion record of the folder that it was made from.
    var recordDigest: String?

    /// Whether a file of a published folder is looked at: "export.json", "export-q4_0.json".
    public static func isName(_ name: String) -> Bool {
        name == "export.json" || name.hasPrefix("export-") && FileSystem.hasEnding(name, ".json")
    }

    /// - Throws: `badData` for what is no document of `export --to gguf`.
    public init(_ document: JSONObject, file: String) throws(Fault) {
        guard document["format"]?.stringValue == "gguf", let output = document["output"]?.stringValue,
            let type = document["type"]?.stringValue, let bytes = document["bytes"]?.integerValue,
            let sha256 = document["sha256"]?.stringValue
        else {
            throw Fault(
                .badData, "the file does not describe an exported GGUF file", file: file,
                found: "the keys " + LegibleText.of(document.keys.joined(separator: ", "), limit: 200),
                expected: "format, output, type, bytes and sha256, as `espalier export --to gguf --results` writes",
                advice: "export again, or give the file another name")
        }
        name = FileSystem.last(output)
        (self.type, self.bytes, self.sha256) = (type, bytes, sha256)
        relativeError = document["relative_error"]?.doubleValue
        texts = document["evaluation"]?.objectValue.map(PublishedRun.texts) ?? []
        recordDigest = document["source_record_sha256"]?.stringValue
    }

    /// Those of a folder, by the names of their documents.
    ///
    /// - Throws: `badData` for documents of another kind, `notComparable` for those of another folder.
    static func all(in folder: String) throws(Fault) -> [ExportedFile] {
        let names = try FileSystem.names(in: folder).filter(isName).sorted()
        guard !names.isEmpty else { return [] }
        let record = FileSystem.joined(folder, PublishedFile.completion)
        let digest = FileSystem.kind(record) == .file ? try FileDigest(contentsOf: record).sha256 : nil
        var files: [ExportedFile] = []
        for name in names {
            let path = FileSystem.joined(folder, name)
            guard let document = try PublishedFiles.document(path) else { continue }
            let file = try ExportedFile(document, file: path)
            guard let digest, file.recordDigest == digest else {
                throw Fault(
                    .notComparable, "the exported file was not made from this folder", file: path,
                    place: "key 'source_record_sha256'", found: file.recordDigest ?? "null",
                    expected: digest ?? "the SHA-256 of \(PublishedFile.completion), which the folder lacks",
                    advice: "move the document away, or export this folder again with --results")
            }
            files.append(file)
        }
        return files
    }
}
