import Faults

/// LAMBADA as OpenAI cleaned it (Paperno et al. 2016): the last word of a passage.
enum Lambada {
    static let definition = TaskDefinition(
        "lambada_openai", version: 1, metrics: [.perplexity, .accuracy],
        files: [
            .init("lambada_openai.jsonl"), .init("lambada_test.jsonl"), .init("lambada_test_en.jsonl"),
            .init("lambada/lambada_test.jsonl"),
        ], examples: .drawn, item: item)

    static func item(_ record: TaskRecord) throws(Fault) -> TaskItem {
        let text: String
        if record.has("context", "continuation") {
            text = try record.text("context") + " " + record.text("continuation")
        } else if record.has("text") {
            text = try record.text("text")
        } else {
            throw record.unknownForm("lambada_openai", expected: "text; or context, continuation")
        }
        let scalars = text.unicodeScalars
        guard let blank = scalars.lastIndex(of: " ") else { return .completion(prompt: "", target: " " + text) }
        return .completion(prompt: String(scalars[..<blank]), target: String(scalars[blank...]))
    }
}

/// WikiText-2 (Merity et al. 2016), page by page.
enum WikiText {
    static let definition = TaskDefinition(
        "wikitext", version: 2, metrics: [.wordPerplexity, .bytePerplexity, .bitsPerByte],
        files: [
            .init("wiki.test.raw", .pages), .init("wikitext-2-raw/wiki.test.raw", .pages), .init("wikitext.jsonl"),
        ], item: item)

    static func item(_ record: TaskRecord) throws(Fault) -> TaskItem {
        guard record.has("page") else { throw record.unknownForm("wikitext", expected: "page") }
        let page = try record.text("page")
        // The sizes are the original's: a text that is easier to predict shall not count as shorter.
        return .text(Detokenizer.text(page), words: PythonText.wordCount(page), bytes: page.utf8.count)
    }
}
