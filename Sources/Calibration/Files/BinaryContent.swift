import Faults

/// Recognises files that hold no text, whatever they are called.
public enum BinaryContent {
    private static let marks: [(start: [UInt8], name: String, advice: String)] = [
        ([0x1F, 0x8B], "gzip data", FileKindAdvice.nameGzip),
        ([0x28, 0xB5, 0x2F, 0xFD], "zstd data", FileKindAdvice.decompress),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "xz data", FileKindAdvice.decompress),
        (Array("BZh".utf8), "bzip2 data", FileKindAdvice.decompress),
        ([0x50, 0x4B, 0x03, 0x04], "a ZIP archive or an office document", FileKindAdvice.extract),
        ([0x37, 0x7A, 0xBC, 0xAF], "a 7z archive", FileKindAdvice.decompress),
        (Array("%PDF-".utf8), "a PDF document", FileKindAdvice.extract),
        ([0x93] + Array("NUMPY".utf8), "a NumPy array", FileKindAdvice.tokens),
        (Array("GGUF".utf8), "a GGUF model", FileKindAdvice.other),
        (Array("SQLite format 3".utf8), "a database", FileKindAdvice.toLines),
        ([0xFF, 0xFE], "UTF-16 text", "convert the file to UTF-8"),
        ([0xFE, 0xFF], "UTF-16 text", "convert the file to UTF-8"),
        (
            Array("version https://git-lfs".utf8), "a Git LFS pointer",
            "fetch the content with `git lfs pull` in the repository that it came from"
        ),
    ]

    private static let tables: [(start: [UInt8], name: String, table: FileKindAdvice.Table)] = [
        (Array("PAR1".utf8), "a Parquet table", .parquet), (Array("ARROW1".utf8), "an Arrow table", .arrow),
    ]

    /// A fault when `start`, the first bytes of a file, belongs to something that is no text.
    public static func fault(_ start: some Collection<UInt8>, file: String) -> Fault? {
        if let found = tables.first(where: { start.starts(with: $0.start) }) {
            return Fault(
                .badData, "this file is not a UTF-8 text", file: file, found: found.name,
                advice: FileKindAdvice.convert(file, found.table))
        }
        guard let mark = marks.first(where: { start.starts(with: $0.start) }) else { return nil }
        return Fault(
            .badData,
            [FileKindAdvice.decompress, FileKindAdvice.nameGzip].contains(mark.advice)
                ? "this file is compressed" : "this file is not a UTF-8 text",
            file: file, found: mark.name, advice: mark.advice)
    }
}
