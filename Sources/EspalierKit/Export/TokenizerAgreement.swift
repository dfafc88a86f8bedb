import Checkpoints
import Faults
import Tokenization

/// Whether two tokenizers cut text alike, tried on texts in which tokenizers differ.
enum TokenizerAgreement {
    private static let texts = [
        "The quick brown fox jumps over the lazy dog, and doesn't care: it's 12,345.67 (or 3%) of $8!",
        "  two blanks before,\tand a tab\n\n\nthree lines \n and blanks after   ",
        "def add(a, b):\n    return a + b  # sum\n\tprint(f\"{add(1, 2)}\")\r\n",
        "naïve façade Ångström — “quoted” … Straße ČESKÝ Ωμέγα Привет, мир שלום مرحبا",
        "cafe\u{301} 日本語のテキスト、中文文本。한국어 ไทย 🙂👩‍👩‍👧‍👦 ①½",
        "CamelCaseWords HTTPServer snake_case_name x86_64 3.14e-10 0xFF 1000000 2026-01-31T12:00:00Z",
        "I'LL we'Ve they'd \u{a0}nbsp \u{2581}mark\u{2581}s [PAD] [INST] http://a.b/c?d=e&f",
        "Once upon a time, there was a little girl named Lily. She loved to play outside in the park.",
        "a", " ", "", "\n",
    ]

    /// Readers put a blank after a special token, or put none there; only texts that hold one are concerned.
    private static let special = "<s>one</s> two <unk> three<|endoftext|>four <|im_end|> five <bos>six"

    /// - Parameter file: the model's, for the message.
    /// - Returns: what a person should know of texts that hold special tokens.
    /// - Throws: `badData` with the first text that they cut differently.
    static func check(_ own: Tokenizer, _ written: Tokenizer, file: String) throws(Fault) -> [String] {
        for text in texts {
            let (expected, found) = (
                own.encode(text, addSpecialTokens: true), written.encode(text, addSpecialTokens: true)
            )
            guard expected != found else { continue }
            let place = zip(expected, found).prefix { $0 == $1 }.count
            throw Fault(
                .badData, "the tokenizer cannot be said in a GGUF file: the one written would cut text differently",
                file: file, place: "text \"\(text.prefix(60))\", token \(place)",
                found: found.dropFirst(place).prefix(5).map(String.init).joined(separator: " "),
                expected: expected.dropFirst(place).prefix(5).map(String.init).joined(separator: " "),
                advice: "serve the folder itself with software that reads tokenizer.json")
        }
        guard
            own.encode(special, addSpecialTokens: true) != written.encode(special, addSpecialTokens: true)
        else { return [] }
        return [
            "text that holds special tokens may be cut differently around them by readers of the GGUF file"
        ]
    }
}
