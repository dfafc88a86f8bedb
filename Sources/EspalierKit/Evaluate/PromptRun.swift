import Decoders
import Evaluation
import Faults
import Tokenization

/// Compares a model with the dense one on logs of prompts.
struct PromptRun {
    let settings: PromptSettings
    let model: OpenedModel
    let dense: OpenedModel
    let engine: EngineSettings
    private let tokenizer: Tokenizer
    private var logs: [(path: String, name: String, log: LoggedPrompts)] = []

    /// Reads all logs, so that a bad one is told before anything is scored.
    ///
    /// - Parameter texts: paths of the files beside which the logs stand in the results, so that no two names are one.
    /// - Throws: `badData` for logs that cannot be used, `notComparable` when the two models read them differently.
    init(
        _ settings: PromptSettings, beside texts: [String], _ model: OpenedModel, against dense: OpenedModel,
        engine: EngineSettings, _ reporter: any Reporter
    ) throws(Fault) {
        self.settings = settings
        self.model = model
        self.dense = dense
        self.engine = engine
        tokenizer = try model.tokenizer()
        let limit = min(model.configuration.contextLength, dense.configuration.contextLength)
        for path in settings.files {
            logs.append(
                (
                    path, FileName.shortest(path, among: settings.files + texts),
                    try LoggedPrompts(
                        path, model, tokenizer, textField: settings.textField, limit: limit,
                        advice: "give longer texts, or prompts that leave room for their completions", reporter)
                ))
        }
        try checkTokens()
    }

    /// The logs' tokens, for those who compare texts.
    var rows: [(name: String, rows: [ArraySlice<Int32>])] {
        logs.map { ($0.name, $0.log.prompts.map { $0.sequence.ids[...] }) }
    }

    /// A log on its way through both models.
    typealias Source = (name: String, log: LoggedPrompts, source: PromptSource)

    /// The logs for a passage through the two models.
    ///
    /// - Throws: `badData` for a prompt that is too long for the dense model or holds tokens unknown to it.
    func sources() throws(Fault) -> [Source] {
        let comparison = try PromptComparison(model.decoder, against: dense.decoder, dtype: engine.dtype)
        var sources: [Source] = []
        for (path, name, log) in logs {
            let sequences = log.prompts.map {
                PromptPredictions.Sequence(ids: $0.sequence.ids, scoredFrom: $0.sequence.scoredFrom)
            }
            do throws(Fault) { sources.append((name, log, try comparison.source(sequences))) } catch {
                throw error.inFile(path)
            }
        }
        return sources
    }

    /// What the passage found, with the continuations of the prompts on which the models differ most.
    ///
    /// - Throws: `inputOutput` when a weight cannot be read.
    func report(_ sources: [Source], _ reporter: any Reporter) throws(Fault) -> PromptReport {
        var report = PromptReport()
        var found: [(name: String, prompt: LoggedPrompts.Prompt, score: PromptScore)] = []
        for (name, log, source) in sources {
            let scores = source.scores
            let bad = scores.count { !$0.meanLoss.isFinite || !$0.divergence.kl.isFinite }
            if bad > 0 {
                reporter.warning(
                    "\(name): the predictions for \(Amount.count(bad, "prompt")) are NaN or infinite, so there are no "
                        + "figures (null in JSON); look for non-finite weights with `espalier inspect`, or "
                        + "use --dtype float32")
            }
            report.logs.append(
                .init(
                    name: name, prompts: scores.count, cut: log.cut, dropped: log.dropped,
                    total: PromptScore.total(scores), tokenDigest: tokenDigest(log.prompts.flatMap(\.sequence.ids))))
            found += zip(log.prompts, scores).map { (name, $0, $1) }
        }
        let chosen = PromptScore.mostDifferentFirst(found.map(\.score)).prefix(settings.differences).map { found[$0] }
        guard !chosen.isEmpty else { return report }
        let prompts = chosen.map(\.prompt)
        // One after the other, so that only one of them is in memory.
        let denseTexts = try continuations(prompts, of: dense, "the dense model", reporter)
        let prunedTexts = try continuations(prompts, of: model, "the model", reporter)
        report.samples = zip(chosen, zip(denseTexts, prunedTexts)).map { chosen, texts in
            PromptSample(
                file: chosen.name, line: chosen.prompt.entry.line, prompt: chosen.prompt.entry.prompt,
                completion: chosen.prompt.entry.completion, score: chosen.score, dense: texts.0, pruned: texts.1)
        }
        return report
    }

    /// Both models must mean the same by a token.
    private func checkTokens() throws(Fault) {
        guard let digest = try dense.checkpoint.tokenizerDigest(), try digest != model.checkpoint.tokenizerDigest()
        else { return }
        let other = try dense.tokenizer()
        var (encoder, otherEncoder) = (tokenizer.makeEncoder(), other.makeEncoder())
        for (path, _, log) in logs {
            for prompt in log.prompts {
                let text = prompt.entry.prompt + (prompt.entry.completion ?? "")
                guard
                    encoder.encode(text, addSpecialTokens: true) != otherEncoder.encode(text, addSpecialTokens: true)
                else { continue }
                throw Fault(
                    .notComparable, "the two models' tokenizers read a prompt differently", file: path,
                    place: "line \(prompt.entry.line)", expected: "the tokenizer of \(dense.checkpoint.path)",
                    advice: "compare a model with the one that it was made from")
            }
        }
    }

    // MARK: Continuations

    private func continuations(
        _ prompts: [LoggedPrompts.Prompt], of opened: OpenedModel, _ name: String, _ reporter: any Reporter
    ) throws(Fault) -> [PromptSample.Continuation] {
        let special = try opened.specialTokens(tokenizer)
        let starts = prompts.map { prompt in
            guard prompt.given.isEmpty else { return prompt.given }
            return (special.beginning ?? special.firstEnd).map { [$0] } ?? Array(prompt.sequence.ids.prefix(1))
        }
        // The same for both models, so that neither has more room.
        let context = min(model.configuration.contextLength, dense.configuration.contextLength)
        let limit = min(settings.continuation, context)
        let longest = starts.map(\.count).max() ?? 0
        let loading = Double(opened.configuration.layerCount)
        reporter.begin("loading \(name)", total: loading, unit: "blocks")
        let loaded = try LoadedDecoder(
            opened.decoder, dtype: engine.dtype,
            capacity: min(context, longest + limit)
        ) { reporter.update(Double($0)) }
        reporter.finish()
        let generator = Generator(loaded, endTokens: special.end)
        var texts: [PromptSample.Continuation] = []
        let total = prompts.count * limit
        reporter.begin("continuing with \(name)", total: Double(total), unit: "tokens")
        for (index, start) in starts.enumerated() {
            // The prompt goes through first: what comes after it may begin in the middle of a word.
            var decoder = tokenizer.makeStreamingDecoder(skipSpecialTokens: true)
            for id in start { _ = decoder.append(id) }
            var text = ""
            var count = 0
            let result = try generator.generate(from: start, limit: limit) { (id) throws(Fault) in
                text += decoder.append(id)
                count += 1
                reporter.update(Double(index * limit + count))
            }
            text += decoder.finish()
            texts.append(.init(text: text, ids: result.ids, stop: result.stop))
            reporter.update(Double((index + 1) * limit))
        }
        reporter.finish()
        return texts
    }
}
