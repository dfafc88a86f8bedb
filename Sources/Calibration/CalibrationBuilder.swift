import Faults
import JSONText
import Records
import Randomness

/// Makes calibration samples from sources.
///
/// The same sources, seed, lengths and tokenizer give the same tokens on every machine. Documents of a text source are
/// shuffled, tokenised as far as they are needed, separated as the model expects and packed into rows; rows of a token
/// file stay as they are. With several sources the samples are split by weight, drawn without replacement and shuffled.
public struct CalibrationBuilder<Tokenizer: TextTokenizer> {
    private let request: CalibrationRequest
    private let tokenizer: Tokenizer
    private let chat: ChatTemplate.Choice
    private let sampler: (any SelfSampler)?

    /// - Parameters:
    ///   - chat: renders the conversations of .jsonl files.
    ///   - sampler: writes the text of the source `self`.
    public init(
        _ request: CalibrationRequest, tokenizer: Tokenizer, chat: ChatTemplate.Choice,
        sampler: (any SelfSampler)? = nil
    ) {
        self.request = request
        self.tokenizer = tokenizer
        self.chat = chat
        self.sampler = sampler
    }

    /// A source after its file has been opened and checked.
    private enum Opened {
        case documents(DocumentFile, SourceReport)
        case rows(TokenFile, SourceReport)
        case model(SourceReport)
        case prompts(DocumentFile, SourceReport)
    }

    /// - Throws: `Fault` of kind `badData` for wrong files and when there is not one full sample; of kind `usage` when
    ///   the request makes no sense.
    public func build() throws(Fault) -> CalibrationSet {
        guard !request.sources.isEmpty, request.samples > 0, request.sequenceLength ?? 1 > 0 else {
            throw Fault(.usage, "calibration needs a source and at least one sample of at least one token")
        }
        try CalibrationRequest.check(sequenceLength: request.sequenceLength, contextLength: request.contextLength)
        var warnings: [String] = []
        var seen: Set<DocumentFile.Identity> = []
        var opened: [Opened] = []
        for source in request.sources { opened.append(try open(source, seen: &seen)) }
        let length = try sequenceLength(opened, warnings: &warnings)
        let shares = Apportionment.shares(of: request.samples, weights: request.sources.map(\.weight))
        var generator = SplitMix64(seed: request.seed)
        var (rows, marks): ([ArraySlice<Int32>], [[Bool]]) = ([], [])
        var reports: [SourceReport] = []
        for (source, share) in zip(opened, shares) {
            // A seed of its own for each, so that a source gives the same rows whatever stands beside it in the list.
            let taken = try take(share, from: source, length: length, seed: generator.next())
            rows += taken.rows
            marks += taken.marks
            reports.append(taken.report)
        }
        if request.marksReplies { try checkReplies(reports) }
        guard !rows.isEmpty else {
            throw Fault(
                .badData, "there is not enough calibration text for one sample", file: onlyFile,
                found: reports.map(\.counts).joined(separator: "; "), expected: "at least \(length) tokens",
                advice: "add text, or ask for a shorter sequence length")
        }
        if reports.count > 1 {
            let order = generator.permutation(rows.count)
            rows = order.map { rows[$0] }
            if request.marksReplies { marks = order.map { marks[$0] } }
        }
        let tokens = TokenMatrix(rows, columns: length)
        try tokens.checkVocabulary(request.vocabularySize, file: onlyFile)
        warnings += notes(on: reports, length: length)
        if let beginning = tokenizer.rowBeginning {
            let others = (0..<tokens.rows).count { tokens[$0].first != beginning }
            if others > 0 {
                warnings.append(
                    "\(others) of \(CountText.of(tokens.rows, "row")) of calibration tokens do not begin with BOS, "
                        + "without which the model's predictions are nonsense")
            }
        }
        var set = CalibrationSet(
            tokens: tokens, counted: request.marksReplies ? TokenMask(marks, columns: length) : nil,
            manifest: manifest(tokens, reports), warnings: warnings)
        let runs = NGramSet(rows: (0..<tokens.rows).map { tokens[$0] }, text: tokenizer.text)
        set.keepSketch(of: runs)
        for path in request.evaluation {
            if let overlap = runs.overlap(with: try evaluation(path)) {
                set.note(overlap, with: path, hasRuns: !runs.hashes.isEmpty)
            }
        }
        return set
    }

    /// The runs of a text that the pruned model is to be evaluated on.
    private func evaluation(_ path: String) throws(Fault) -> NGramSet {
        switch try CalibrationSource.kind(of: path) {
        case .tokens:
            let tokens = try TokenFile(path, vocabularySize: request.vocabularySize).tokens
            return NGramSet(rows: (0..<tokens.rows).map { tokens[$0] }, text: tokenizer.text)
        case .text:
            var runs = NGramSet(.words)
            runs.add(try EvaluationText(path).text)
            return runs
        case .jsonLines:
            var runs = NGramSet(.words)
            runs.add(try EvaluationText(records: path, chat: chat, textField: request.textField).text)
            return runs
        }
    }

    private var onlyFile: String? {
        guard request.sources.count == 1, case .file(let path, _, _) = request.sources[0] else { return nil }
        return path
    }

    private func open(
        _ source: CalibrationSource, seen: inout Set<DocumentFile.Identity>
    ) throws(Fault) -> Opened {
        guard case .file(let path, let kind, let weight) = source else {
            guard sampler != nil else { throw Fault(.usage, "this run cannot sample its own calibration text") }
            guard let path = source.path else { return .model(SourceReport(kind: "self", weight: source.weight)) }
            let file = try DocumentFile(
                path, isJSON: true, purpose: .prompt, chat: chat, textField: request.textField,
                skippedLines: request.skippedLines)
            var report = SourceReport(file: path, kind: "self", weight: source.weight)
            report.add(file, seen: &seen)
            return .prompts(file, report)
        }
        var report = SourceReport(file: path, kind: kind.rawValue, weight: weight)
        if kind == .tokens {
            if request.marksReplies {
                throw Fault(
                    .usage, "a token file does not tell which tokens are an assistant's", file: path,
                    expected: "conversations as .jsonl, and texts",
                    advice: "give the conversations that the tokens were made of, or let all turns count: leave "
                        + "--turns out")
            }
            let file = try TokenFile(path, vocabularySize: request.vocabularySize)
            report.digest = file.digest
            report.documents = file.tokens.rows
            var rows: Set<[Int32]> = []
            report.duplicates = (0..<file.tokens.rows).count { !rows.insert(Array(file.tokens[$0])).inserted }
            return .rows(file, report)
        }
        let file = try DocumentFile(
            path, isJSON: kind == .jsonLines, chat: chat, textField: request.textField,
            skippedLines: request.skippedLines)
        if file.layout != nil { report.kind = "json" }
        if kind == .text, file.count > 0 {
            report.beginsWithRecord = DocumentFile.beginsWithRecord(try file.document(0).text.utf8)
        }
        report.add(file, seen: &seen)
        return .documents(file, report)
    }

    /// What was asked, else the token files' own length or the default, as far as the model takes them.
    private func sequenceLength(_ opened: [Opened], warnings: inout [String]) throws(Fault) -> Int {
        var shortest: (length: Int, file: String)?
        for case .rows(let file, _) in opened where file.tokens.columns < shortest?.length ?? Int.max {
            shortest = (file.tokens.columns, file.path)
        }
        let wanted = request.sequenceLength ?? shortest?.length ?? request.textLength
        let length = min(wanted, request.contextLength)
        if length < wanted {
            warnings.append(
                "the sequence length is \(length) instead of \(wanted): the model's context is no longer than that")
        }
        if let shortest, shortest.length < length {
            throw Fault(
                .badData, "the rows of the token file are shorter than the sequence length", file: shortest.file,
                found: "\(shortest.length) tokens", expected: "at least \(length)",
                advice: "ask for --sequence-length \(shortest.length), or leave it out")
        }
        return length
    }

    /// What a source gives.
    fileprivate struct Taken {
        var rows: [ArraySlice<Int32>] = []
        /// Of each row, where replies are marked.
        var marks: [[Bool]] = []
        var report: SourceReport
    }

    private func take(_ share: Int, from source: Opened, length: Int, seed: UInt64) throws(Fault) -> Taken {
        var generator = SplitMix64(seed: seed)
        var taken: Taken
        var packer = RowPacker(
            length: length, most: share, beginning: tokenizer.rowBeginning, keepsMarks: request.marksReplies)
        switch source {
        case .rows(let file, let opened):
            taken = Taken(report: opened)
            let all = Array(0..<file.tokens.rows)
            let order = request.sources.count == 1 ? all : generator.permutation(all.count)
            taken.rows = order.prefix(share).map { file.tokens[$0].prefix(length) }
            taken.report.documentsUsed = taken.rows.count
            taken.report.tokens = taken.rows.count * length
        case .documents(let file, let opened):
            taken = Taken(report: opened)
            var replies = SourceReport.Replies()
            for index in generator.permutation(file.count) {
                if packer.rows.count >= share { break }
                if request.marksReplies {
                    try packMarked(file, index, into: &packer, &replies)
                } else {
                    try pack(try file.document(index), into: &packer)
                }
                taken.report.documentsUsed += 1
            }
            taken.add(packer, replies)
        case .model(let opened):
            taken = Taken(report: opened)
            guard share > 0, let sampler else { break }
            let documents = try sampler.documents(tokenCount: share * length, sequenceLength: length, seed: seed)
            for document in documents { packer.append(document) }
            taken.report.documents = documents.count
            taken.report.documentsUsed = documents.count
            taken.add(packer, SourceReport.Replies())
        case .prompts(let file, let opened):
            taken = Taken(report: opened)
            guard share > 0, let sampler else { break }
            try answer(file, share, length, seed, sampler, &generator, into: &packer, &taken)
        }
        taken.report.samplesAsked = share
        taken.report.samples = taken.rows.count
        return taken
    }

    /// Each prompt once, in an order of chance, with what the model answers.
    private func answer(
        _ file: DocumentFile, _ share: Int, _ length: Int, _ seed: UInt64, _ sampler: any SelfSampler,
        _ generator: inout SplitMix64, into packer: inout RowPacker, _ taken: inout Taken
    ) throws(Fault) {
        var (order, tooLong) = (generator.permutation(file.count)[...], 0)
        var (rows, replies, answers) = (packer, SourceReport.Replies(), 0)
        try sampler.answers(length: length, seed: seed) { () throws(Fault) -> [Int32]? in
            while let index = order.popFirst() {
                let document = try file.document(index)
                var tokens = try tokenizer.encode(document.text)
                if !document.isRendered, let token = tokenizer.beginningToken, tokens.first != token {
                    tokens.insert(token, at: 0)
                }
                if !tokens.isEmpty, tokens.count < length { return tokens }
                tooLong += 1
            }
            return nil
        } take: { tokens, start in
            guard rows.rows.count < share else { return 1 }
            rows.append(tokens, isMarked: tokens.indices.map { $0 >= start })
            replies.tokens += tokens.count - start
            answers += 1
            return Double(rows.rows.count) / Double(share)
        }
        taken.report.documentsUsed = answers
        taken.report.promptsTooLong = tooLong
        packer = rows
        taken.add(packer, replies)
    }

    private func pack(_ document: DocumentFile.Document, into packer: inout RowPacker) throws(Fault) {
        // A template writes the special tokens of a conversation itself.
        var beginning = document.isRendered ? nil : tokenizer.beginningToken
        try tokenizer.encode(document.text) { tokens in
            if let token = beginning, tokenizer.rowBeginning == nil || tokens.first != token { packer.append([token]) }
            beginning = nil
            packer.append(tokens)
        }
        // Of a text without tokens.
        if let beginning { packer.append([beginning]) }
        if !document.isRendered, let end = tokenizer.endToken { packer.append([end]) }
    }

    /// The same with the assistant's tokens marked, and all of a text without turns.
    private func packMarked(
        _ file: DocumentFile, _ index: Int, into packer: inout RowPacker, _ replies: inout SourceReport.Replies
    ) throws(Fault) {
        let document = try file.document(index)
        guard let marked = document.replies else {
            replies.plain += 1
            return try pack(document, into: &packer)
        }
        guard let (tokens, isMarked) = try tokenizer.encode(document.text, marking: marked) else {
            throw Fault(
                .badData, "it is not certain which tokens are the assistant's", file: file.path,
                place: file.place(of: index),
                found: "a turn beside which the model's tokenizer rewrites the text",
                advice: "leave the record out, or let all turns count: leave --turns out")
        }
        if !document.isRendered, let token = tokenizer.beginningToken,
            tokenizer.rowBeginning == nil || tokens.first != token
        {
            packer.append([token], isMarked: [false])
        }
        packer.append(tokens, isMarked: isMarked)
        replies.tokens += isMarked.count { $0 }
        // What ends an answer is learnt with it.
        if !document.isRendered, let end = tokenizer.endToken {
            packer.append([end], isMarked: [document.endsWithReply])
        }
    }

    /// - Throws: `badData` where nothing is an assistant's: a loss on the assistant's turns would count none.
    private func checkReplies(_ reports: [SourceReport]) throws(Fault) {
        guard reports.allSatisfy({ ($0.replies?.tokens ?? 0) == 0 }) else { return }
        let plain = reports.reduce(0) { $0 + ($1.replies?.plain ?? 0) }
        let used = reports.reduce(0) { $0 + $1.documentsUsed }
        // Where nothing was read there is not enough text, whoever speaks in it.
        guard used > 0 else { return }
        throw Fault(
            .badData, "the calibration holds no assistant's turns", file: onlyFile,
            found: plain == used
                ? CountText.of(used, "text") + " and no conversation"
                : CountText.of(used - plain, "conversation") + " in which no assistant speaks",
            expected: "messages of the role assistant, or records with a completion, an output or a chosen answer",
            advice: "give conversations with replies, or let all turns count: leave --turns out")
    }

    private func notes(on reports: [SourceReport], length: Int) -> [String] {
        var notes: [String] = []
        for report in reports {
            if report.samples < report.samplesAsked {
                notes.append(
                    "\(report.label) is long enough for only \(report.samples) of the \(report.samplesAsked) "
                        + "samples of " + CountText.of(length, "token"))
            }
            if report.promptsTooLong > 0 {
                notes.append(
                    CountText.of(report.promptsTooLong, "prompt") + " of \(report.label) left out, which leave no room "
                        + "for an answer in \(CountText.of(length, "token"))")
            }
            if report.samplesAsked == 0 {
                notes.append("\(report.label) has so little weight that it contributes no samples")
            }
            if let first = report.skipped.first {
                notes.append(
                    "\(CountText.of(report.skipped.count, "invalid \(report.kind == "json" ? "record" : "line")")) of "
                        + "\(report.label) skipped; the first: "
                        + "\(first.place ?? ""), \(first.summary)")
            }
            if let replies = report.replies {
                if replies.leftOut > 0 {
                    notes.append(
                        CountText.of(replies.leftOut, "sequence") + " of \(report.label) left out, in which no "
                            + "assistant speaks")
                }
                if report.kind != CalibrationSource.FileKind.text.rawValue, report.file != nil, replies.plain > 0 {
                    notes.append(
                        "\(replies.plain) of \(CountText.of(report.documentsUsed, "record")) of \(report.label) are "
                            + "plain texts, all of which counts")
                }
            }
            if report.beginsWithRecord { notes.append(DocumentFile.recordsAsText(report.label)) }
            if report.withTools > 0 {
                notes.append(
                    CountText.of(report.withTools, "conversation of", "conversations of")
                        + " \(report.label) rendered without the definitions of "
                        + (report.withTools == 1 ? "its tools" : "their tools"))
            }
            if report.duplicates > 0 {
                notes.append(
                    "\(report.duplicates) of \(report.documents) documents of \(report.label) repeat earlier ones")
            }
        }
        return notes
    }

    private func manifest(_ tokens: TokenMatrix, _ reports: [SourceReport]) -> JSONObject {
        var manifest = JSONObject()
        manifest[.sources] = .array(reports.map(\.json))
        manifest[.samplesAsked] = .integer(request.samples)
        manifest[.samples] = .integer(tokens.rows)
        manifest[.sequenceLength] = .integer(tokens.columns)
        if tokenizer.rowBeginning != nil { manifest[.bos] = .bool(true) }
        manifest[.seed] = .number(String(request.seed))
        manifest[.tokensDigest] = .string(tokens.digest)
        return manifest
    }
}

extension CalibrationBuilder.Taken {
    fileprivate mutating func add(_ packer: RowPacker, _ replies: SourceReport.Replies) {
        (rows, marks) = (packer.rows, packer.marks)
        report.tokens = packer.tokenCount
        guard packer.keepsMarks else { return }
        var replies = replies
        replies.positions = marks.reduce(0) { $0 + $1.dropFirst().count { $0 } }
        replies.leftOut = packer.unmarked
        report.replies = replies
    }
}
