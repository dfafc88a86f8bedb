import Faults

/// Recognises files that hold no text, whatever they are called.
public enum BinaryContent {
    private static let marks: [(start: [UInt8], name: String, advice: String)] = [
        ([0x1F, 0x8B], "gzip data", FileKindAdvice.decompress),
        ([0x28, 0xB5, 0x2F, 0xFD], "zstd data", FileKindAdvice.decompress),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "xz data", FileKindAdvice.decompress),
        (Array("BZh".utf8), "bzip2 data", FileKindAdvice.decompress),
        ([0x50, 0x4B, 0x03, 0x04], "a ZIP archive or an office document", FileKindAdvice.extract),
        ([0x37, 0x7A, 0xBC, 0xAF], "a 7z archive", FileKindAdvice.decompress),
        (Array("PAR1".utf8), "a Parquet table", FileKindAdvice.convert),
        (Array("ARROW1".utf8), "an Arrow table", FileKindAdvice.convert),
        (Array("%PDF-".utf8), "a PDF document", FileKindAdvice.extract),
        ([0x93] + Array("NUMPY".utf8), "a NumPy array", FileKindAdvice.tokens),
        (Array("GGUF".utf8), "a GGUF model", FileKindAdvice.other),
        (Array("SQLite format 3".utf8), "a database", FileKindAdvice.convert),
        ([0xFF, 0xFE], "UTF-16 text", "convert the file to UTF-8"),
        ([0xFE, 0xFF], "UTF-16 text", "convert the file to UTF-8"),
        (
            Array("version https://git-lfs".utf8), "a Git LFS pointer",
            "fetch the content with `git lfs pull` in the repository that it came from"
        ),
    ]

    /// A fault when `start`, the first bytes of a file, belongs to something that is no text.
    public static func fault(_ start: some Collection<UInt8>, file: String) -> Fault? {
        guard let mark = marks.first(where: { start.starts(with: $0.start) }) else { return nil }
        return Fault(
            .badData,
            mark.advice == FileKindAdvice.decompress ? "this file is compressed" : "this file is not a UTF-8 text",
            file: file, found: mark.name, advice: mark.advice)
    }
}

/// What to do with files that are not read, told by their names as by their contents.
enum FileKindAdvice {
    static let decompress = "decompress it first"
    static let extract = "store its text as a file of its own"
    static let tokens = "store the tokens as .safetensors"
    static let other = "name a text"
    static let convert = "convert it to .jsonl, one object with a \"text\" field a line"
}
