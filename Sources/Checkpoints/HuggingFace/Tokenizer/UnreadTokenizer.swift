import Faults
import Files

/// Forms of a tokenizer that are known and not read.
enum UnreadTokenizer {
    private static let forms = [
        ("tekken.json", "Mistral's own form"), ("tiktoken.model", "a tiktoken file"),
        ("spiece.model", "a SentencePiece model of another class"),
        ("sentencepiece.bpe.model", "a SentencePiece model of another class"), ("vocab.txt", "a WordPiece vocabulary"),
    ]

    /// Nil for a folder without any of them.
    static func fault(folder: String) -> Fault? {
        guard let names = try? FileSystem.names(in: folder) else { return nil }
        for (name, form) in forms where names.contains(name) {
            return Fault(
                .badData, "the tokenizer's format is not supported", file: FileSystem.joined(folder, name),
                found: form, expected: "tokenizer.json, vocab.json with merges.txt, or tokenizer.model",
                advice: SentencePieceTokenizer.advice)
        }
        return nil
    }
}
