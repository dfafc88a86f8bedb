import Calibration
import Checkpoints
import Decoders
import Faults
import Files
import JSONText
import Records
import Runs
import Tokenization

/// What `export --to gguf` does, apart from its command line.
public struct GGUFExport {
    /// Path of the model: a folder, or a GGUF file.
    public var model: String
    /// The file to write.
    public var output: String
    /// Nil for those that the model is stored in, or was before it was pruned.
    public var types: GGUFTypes?
    /// How much errors of the weights count.
    public var importance: Importance
    /// A file for the importance matrix that was measured.
    public var importanceOutput: String?
    /// Whether files that are there are replaced.
    public var overwrites: Bool
    /// On what the file is scored once it is written; nil for not at all.
    public var evaluation: ExportEvaluation?

    /// Where it is known from how much errors of the weights count.
    public enum Importance: Equatable, Sendable {
        /// All the same.
        case equal
        /// A file of llama.cpp's, GGUF or the form before it.
        case file(String)
        /// Texts, as `--calibration` takes them; without a length that of a token file, else `defaultLength`.
        case calibration([String], samples: Int, sequenceLength: Int?, seed: UInt64)

        var isMeasured: Bool { if case .calibration = self { true } else { false } }
    }

    public static let defaultSamples = 64
    /// Tokens of a sequence.
    public static let defaultLength = 512

    public init(
        model: String, output: String, types: GGUFTypes? = nil, importance: Importance = .equal,
        importanceOutput: String? = nil, overwrites: Bool = false, evaluation: ExportEvaluation? = nil
    ) {
        (self.model, self.output, self.types, self.overwrites) = (model, output, types, overwrites)
        (self.importance, self.importanceOutput) = (importance, importanceOutput)
        self.evaluation = evaluation
    }

    /// Writes the file whole, or leaves what was there.
    ///
    /// - Parameters:
    ///   - check: asked again and again while the file is written.
    ///   - written: told when the files stand, before the evaluation.
    /// - Throws: `outputExists` for a file that is there, `badData` for a model that the format's architectures, types
    ///   or tokenizers cannot say, `missingInput` without weights or a tokenizer, `inputOutput`, and what
    ///   `check` and `written` throw.
    public func write(
        _ reporter: any Reporter, check: ExportCheck = {}, written: ExportCheck = {}
    ) throws(Fault) -> GGUFExportReport {
        let target = try self.target(output)
        let importanceTarget: OutputTarget? =
            if let importanceOutput { try self.target(importanceOutput) } else { nil }
        if evaluation != nil, !target.isReplaced {
            throw Fault(
                .usage, "what is written to a pipe or a device cannot be evaluated", file: output,
                expected: "a file", advice: "leave --text out, or name a file")
        }
        let engine = try self.engine(reporter)
        let opened = try OpenedModel(model, device: importance.isMeasured ? engine?.device ?? .cpu : .cpu)
        opened.warnings.forEach(reporter.warning)
        let (configuration, checkpoint) = (opened.configuration, opened.checkpoint)
        var notes: [String] = []
        let layout = GGUFLayout(configuration)
        let family = try layout.family(configuration, file: checkpoint.path)
        let types = if let types { types } else { try ownTypes(checkpoint, notes: &notes) }
        if importance != .equal, !types.base.isQuantised || types.base == .q8_0 {
            throw Fault(
                .usage, "the type does not use how much errors count", place: "--type", found: types.name,
                expected: "Q6_K or a type of fewer bits",
                advice: "leave --calibration and --imatrix out, or name another --type")
        }
        let architecture = GGUFArchitectureKeys(
            configuration: configuration, layout: layout, family: family, file: checkpoint.path)
        try evaluation?.check(opened, model: model, reporter)
        let recordDigest = try sourceRecord()

        var keys = GGUFKeys(file: output)
        keys.set("general.architecture", architecture.architecture)
        keys.set("general.type", "model")
        addOrigin(checkpoint, to: &keys)
        keys.set("general.file_type", types.fileType)
        if types.base.isQuantised { keys.set("general.quantization_version", 2) }
        try architecture.add(to: &keys)
        notes += try addTokenizer(opened, to: &keys)

        let plan = GGUFTensorPlan(configuration: configuration, layout: layout, family: family, types: types)
        let tensors = try plan.tensors(
            frequencyFactors: architecture.frequencyFactors, file: checkpoint.path)
        let importance = try importance(opened, layout, family, engine, reporter, check)
        if let importance {
            try checkSizes(tensors, importance)
            addImportance(importance, to: &keys)
            notes += try unweighted(tensors, importance)
        }
        let header = GGUFHeader(keys, tensors.map(\.tensor))
        var report = GGUFExportReport(
            model: model, output: output, architecture: architecture.architecture, types: types, layout: layout,
            tensors: tensors, notes: notes)
        if target.isReplaced {
            let free = try FileSystem.freeBytes(at: FileSystem.parent(output))
            guard free >= header.fileBytes else {
                throw Fault(
                    .inputOutput, "the disk has too little room for the output", file: output,
                    found: "\(Amount.bytes(free)) free", expected: Amount.bytes(header.fileBytes))
            }
        }
        try check()
        let file = try OutputFile(target)
        try file.write(header.bytes)
        reporter.begin("writing", total: Double(header.fileBytes), unit: "bytes")
        reporter.advance(by: Double(header.bytes.count))
        var writer = GGUFTensorWriter(checkpoint: checkpoint, file: file, importance: importance)
        for tensor in tensors {
            try writer.write(tensor) { (count) throws(Fault) in
                reporter.advance(by: Double(count))
                try check()
            }
        }
        precondition(file.bytes == header.fileBytes, "the header says how long the file is")
        try checkpoint.checkUnchanged()
        let digest = try file.finish()
        reporter.finish()
        if let importance, let importanceOutput, let importanceTarget {
            let file = try OutputFile(importanceTarget)
            try file.write(importance.bytes(file: importanceOutput))
            _ = try file.finish()
        }
        report.add(writer.loss, digest)
        report.recordDigest = recordDigest
        if let evaluation, let engine {
            try written()
            report.evaluation = try evaluation.measure(output, against: model, engine: engine, reporter)
        }
        return report
    }

    /// Of the model's completion record, which holds the digest of every file of a published folder; nil without one.
    private func sourceRecord() throws(Fault) -> String? {
        let path = FileSystem.withoutTrailingSlashes(model) + "/" + PublishedFile.completion
        guard FileSystem.kind(path) == .file else { return nil }
        return try FileDigest(contentsOf: path).sha256
    }

    private func target(_ path: String) throws(Fault) -> OutputTarget {
        if FileSystem.existsUnfollowed(path), FileSystem.kind(path) != .other, !overwrites {
            throw Fault(
                .outputExists, "the output exists already", file: path,
                advice: "choose another name, or replace it with --overwrite")
        }
        return try OutputTarget(path)
    }

    /// What measures; nil where nothing is measured.
    private func engine(_ reporter: any Reporter) throws(Fault) -> EngineSettings? {
        guard importance.isMeasured || evaluation != nil else { return nil }
        let engine = try EngineSettings(threads: nil, device: .auto, dtype: .auto)
        engine.warnings.forEach(reporter.warning)
        return engine
    }

    private func importance(
        _ opened: OpenedModel, _ layout: GGUFLayout, _ family: GGUFFamily, _ engine: EngineSettings?,
        _ reporter: any Reporter, _ check: ExportCheck
    ) throws(Fault) -> ImportanceMatrix? {
        switch importance {
        case .equal: return nil
        case .file(let path): return try ImportanceMatrix(reading: path)
        case .calibration(let texts, let samples, let sequenceLength, let seed):
            guard let engine else { return nil }
            let isTokens = texts.allSatisfy { (try? CalibrationSource.kind(of: $0)) == .tokens }
            let length = sequenceLength ?? (isTokens ? nil : GGUFExport.defaultLength)
            let set = try CalibrationReading(
                texts, samples: samples, sequenceLength: length, seed: seed
            ).read(opened, engine, reporter)
            set.warnings.forEach(reporter.warning)
            return try ImportanceMeasurement(opened: opened, layout: layout, family: family, engine: engine)
                .measure(set, reporter, check: check)
        }
    }

    /// A measurement of a model of another size is another model's, though its matrices have the same names.
    private func checkSizes(_ tensors: [GGUFPlannedTensor], _ importance: ImportanceMatrix) throws(Fault) {
        for tensor in tensors.map(\.tensor) where tensor.type.isQuantised {
            guard let entry = importance.entries[tensor.name], entry.sums.count != tensor.shape.last else { continue }
            let path: String? = if case .file(let path) = self.importance { path } else { nil }
            throw Fault(
                .badData, "the importance matrix is of another model", file: path, place: "matrix '\(tensor.name)'",
                found: Amount.count(entry.sums.count, "input"), expected: Amount.count(tensor.shape.last ?? 0),
                advice: "measure it on this model: export with --calibration")
        }
    }

    /// The matrices of layers for which nothing was measured: none of them is another model's file.
    private func unweighted(
        _ tensors: [GGUFPlannedTensor], _ importance: ImportanceMatrix
    ) throws(Fault) -> [String] {
        let names = tensors.map(\.tensor).filter { $0.type.isQuantised && $0.name.hasPrefix("blk.") }.map(\.name)
        let missing = names.filter { importance.weights($0) == nil }
        guard !missing.isEmpty else { return [] }
        if missing.count == names.count, case .file(let path) = self.importance {
            throw Fault(
                .badData, "the importance matrix is of another model", file: path,
                found: "none of the \(Amount.count(names.count, "matrix", "matrices")) of this model's layers",
                expected: "'\(names[0])' and others", advice: "measure it on this model: export with --calibration")
        }
        return [
            "\(Amount.count(missing.count, "matrix", "matrices")) without a measurement of its inputs: all errors "
                + "count the same there (\(missing.prefix(3).joined(separator: ", "))"
                + (missing.count > 3 ? ", …)" : ")")
        ]
    }

    /// What the weights of the errors were measured on, under llama.cpp's keys.
    private func addImportance(_ importance: ImportanceMatrix, to keys: inout GGUFKeys) {
        let path: String? = if case .file(let path) = self.importance { path } else { importanceOutput }
        if let path { keys.set("quantize.imatrix.file", FileSystem.last(path)) }
        if let dataset = importance.datasets.first { keys.set("quantize.imatrix.dataset", FileSystem.last(dataset)) }
        keys.set("quantize.imatrix.entries_count", importance.entries.count)
        if importance.chunks > 0 { keys.set("quantize.imatrix.chunks_count", importance.chunks) }
    }

    /// The types that the model is stored in; of a pruned one those of its GGUF source, where it had one.
    private func ownTypes(_ checkpoint: Checkpoint, notes: inout [String]) throws(Fault) -> GGUFTypes {
        if let types = checkpoint.types { return types }
        if checkpoint.format == .huggingFace, let name = try sourceTypes(), let types = GGUFTypes.named(name) {
            notes.append("the types are those of the file that the model was pruned from, \(name)")
            return types
        }
        var counts: [String: Int] = [:]
        for tensor in checkpoint.tensors { counts[tensor.encoding, default: 0] += tensor.count }
        let most = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? ""
        if let types = GGUFTypes.named(most) { return types }
        notes.append("most weights are \(most), which is not written; they become F16")
        return .f16
    }

    /// What the report beside the model says of its source.
    private func sourceTypes() throws(Fault) -> String? {
        let path = FileSystem.withoutTrailingSlashes(model) + "/" + PublishedFile.report
        guard FileSystem.kind(path) == .file else { return nil }
        do throws(Fault) {
            return try JSONValue(parsing: try ReadableFile.bytes(path)).objectValue?[.sourceTypes]?.stringValue
        } catch { throw error.inFile(path) }
    }

    /// Name, licence, languages, and what the model was made from, as far as its card says it.
    private func addOrigin(_ checkpoint: Checkpoint, to keys: inout GGUFKeys) {
        let last = FileSystem.last(FileSystem.withoutTrailingSlashes(model))
        let name = FileSystem.hasEnding(last, ".gguf") ? String(last.dropLast(5)) : last
        if !name.isEmpty, name != ".", name != ".." { keys.set("general.name", name) }
        let card = SourceCard(checkpoint)
        let names = [
            "license": "license", "license_name": "license.name", "license_link": "license.link",
            "language": "languages", "datasets": "datasets",
        ]
        for (key, values) in card.fields {
            guard let name = names[key] else { continue }
            if key == "language" || key == "datasets" {
                keys.set("general.\(name)", values)
            } else {
                keys.set("general.\(name)", values.joined(separator: ", "))
            }
        }
        var bases = SourceCard.baseModels(checkpoint)
        if bases.isEmpty, let repository = card.repository { bases = [repository] }
        guard !bases.isEmpty else { return }
        keys.set("general.base_model.count", bases.count)
        for (index, base) in bases.enumerated() {
            let parts = base.split(separator: "/").map(String.init)
            keys.set("general.base_model.\(index).name", parts.last ?? base)
            if parts.count == 2 { keys.set("general.base_model.\(index).organization", parts[0]) }
        }
    }

    /// - Returns: what a person should know.
    private func addTokenizer(_ opened: OpenedModel, to keys: inout GGUFKeys) throws(Fault) -> [String] {
        let own = try opened.tokenizer()
        let checkpoint = opened.checkpoint
        let rows = opened.configuration.vocabularySize
        guard let files = try checkpoint.tokenizer() else { return [] }
        let special = try GGUFExport.specialTokens(opened, own)
        for id in [special.beginning, special.end, special.unknown, special.padding].compactMap(\.self)
            + special.otherEnds where id >= rows
        {
            throw Fault(
                .badData, "a special token is not in the model's vocabulary", file: checkpoint.path, found: "id \(id)",
                expected: "an id below \(rows)")
        }
        let bytes = files.json
        let json: JSONValue
        do throws(Fault) {
            json = try JSONValue(
                parsing: bytes, limits: JSONLimits(memory: JSONLimits.vocabularyMemory(2 * bytes.count)))
        } catch { throw error.inFile(files.file) }
        var notes = try keys.addTokenizer(json, rows: rows, special: special, file: files.file)
        if let template = try template(checkpoint, &notes) { keys.set("tokenizer.chat_template", template) }
        guard let written = try keys.tokenizer()?.tokenizer() else { return notes }
        notes += try TokenizerAgreement.check(own, written, file: files.file)
        return notes
    }

    private static func specialTokens(
        _ opened: OpenedModel, _ tokenizer: Tokenizer
    ) throws(Fault) -> GGUFSpecialTokens {
        let special = try SpecialTokens(opened.checkpoint, tokenizer: tokenizer)
        let (bare, whole) = (
            tokenizer.encode("a", addSpecialTokens: false), tokenizer.encode("a", addSpecialTokens: true)
        )
        let prefix = tokenizer.prefixIDs
        let suffix = Array(whole.dropFirst(prefix.count + bare.count))
        guard prefix.count <= 1, suffix.count <= 1 else {
            throw Fault(
                .badData, "the tokenizer puts more tokens around a text than a GGUF file can say",
                file: opened.checkpoint.path, found: "\(prefix.count) before and \(suffix.count) after",
                expected: "one at most on each side")
        }
        let end = suffix.first ?? special.firstEnd
        func named(_ key: String) throws(Fault) -> Int? {
            guard let file = opened.checkpoint.sideFiles.first(where: { $0.name == "tokenizer_config.json" }),
                let token = try JSONValue(parsing: try file.bytes()).objectValue?[key]
            else { return nil }
            let text = token.stringValue ?? token.objectValue?["content"]?.stringValue
            return text.flatMap(tokenizer.id).map { Int($0) }
        }
        return GGUFSpecialTokens(
            beginning: special.beginning.map { Int($0) }, end: end.map { Int($0) },
            otherEnds: special.end.filter { $0 != end }.sorted().map { Int($0) }, unknown: try named("unk_token"),
            padding: try named("pad_token"), addsBeginning: !prefix.isEmpty, addsEnd: !suffix.isEmpty)
    }

    private func template(_ checkpoint: Checkpoint, _ notes: inout [String]) throws(Fault) -> String? {
        func bytes(_ name: String) throws(Fault) -> [UInt8]? {
            try checkpoint.sideFiles.first { $0.name == name }.map { (file) throws(Fault) in try file.bytes() }
        }
        if let text = try bytes("chat_template.jinja") { return String(decoding: text, as: UTF8.self) }
        guard let file = try bytes("tokenizer_config.json") else { return nil }
        let value = try JSONValue(parsing: file).objectValue?["chat_template"]
        if let text = value?.stringValue { return text }
        // Several by name: readers take the first of them unless told otherwise.
        let all = (value?.arrayValue ?? []).compactMap(\.objectValue)
        let standard = all.first { $0["name"]?.stringValue == "default" }
        let others = all.compactMap { $0["name"]?.stringValue }.filter { $0 != "default" }
        if !others.isEmpty {
            let names = others.joined(separator: ", ")
            notes.append("the further chat templates of the model are not carried over: \(names)")
        }
        return standard?["template"]?.stringValue
    }
}
