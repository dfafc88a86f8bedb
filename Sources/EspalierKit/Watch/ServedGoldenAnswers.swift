import Endpoint
import Faults
import Gate
import JSONText

/// Has a server answer golden prompts, the likeliest token at a time.
struct ServedGoldenAnswers {
    let server: EndpointServer
    /// The model whose tokenizer is that of the served one.
    let opened: OpenedModel
    let settings: GoldenWatch
    /// Requests on their way together.
    let concurrency: Int

    /// The prompts with the server's answers: by token ids, as `generate --golden` would ask the model, where the server
    /// takes ids, else by the texts.
    ///
    /// - Throws: `badData` for an empty prompt, `notComparable` for one that the server has no room for, and what the
    ///   client throws.
    func answers(_ golden: GoldenAnswers, _ reporter: any Reporter) throws(Fault) -> GoldenAnswers {
        let tokenizer = try opened.tokenizer()
        let special = try opened.specialTokens(tokenizer)
        let texts = golden.questions
        let ids = texts.map { special.begun(tokenizer.encode($0, addSpecialTokens: false)) }
        for (index, ids) in ids.enumerated() { try check(ids, place: "prompts[\(index)]") }
        guard let first = ids.first else { return golden }
        let takesIDs = try server.takesTokenIDs(first)
        let (server, limit) = (server, settings.maxTokens)
        reporter.begin("asking golden prompts", total: Double(texts.count), unit: "prompts")
        let answers = try ConcurrentRequests.run(
            texts.count, width: concurrency, done: { reporter.update(Double($0)) }
        ) { (index) throws(Fault) in
            let prompt: JSONValue =
                takesIDs ? .array(ids[index].map { .integer(Int($0)) }) : .string(texts[index])
            return try server.continuation(of: prompt, limit: limit)
        }
        reporter.finish()
        var golden = golden
        for (index, answer) in answers.enumerated() { golden.answer(index, answer) }
        return golden
    }

    private func check(_ ids: [Int32], place: String) throws(Fault) {
        guard !ids.isEmpty else {
            throw Fault(
                .badData, "a golden prompt is empty and the model has no BOS token to start from", file: settings.file,
                place: place, advice: "give a prompt of at least one character")
        }
        guard let room = server.contextLength, ids.count + settings.maxTokens > room else { return }
        throw Fault(
            .notComparable, "a golden prompt and its answer are longer than the server has room for",
            file: settings.file, place: place, found: "\(ids.count) and \(settings.maxTokens) tokens",
            expected: "at most \(room) together", advice: "give a smaller --max-tokens, or a shorter prompt")
    }
}
