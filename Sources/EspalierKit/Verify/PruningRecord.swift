import Calibration
import Decoders
import Faults
import Files
import JSONText
import Recipes
import Records
import Runs

/// What a run wrote down of its result, in `report.json` and `recipe.yaml`: what its weights are compared with.
struct PruningRecord {
    let path: String
    let method: String
    let preset: String
    let pattern: PatternChoice
    let asked: Double
    let achieved: Double
    let parametersBefore: Int
    let parametersAfter: Int
    let blocks: [BlockReport]
    /// Names of the pruned weights.
    let linears: [String]
    let structure: Structure?
    /// What was taken of which calibration texts; nil for a run without.
    let calibration: JSONObject?
    /// Nil where the folder has no recipe.
    let settings: PruneSettings?

    /// What a block can have of anything: sums over as many blocks as a file can hold stay numbers.
    fileprivate static let counts = 0...1 << 38

    /// What is left where whole units went.
    struct Structure {
        var isPlain: Bool
        var budget: String
        var before: Int
        var after: Int
        /// By the source's numbers.
        var layers: [LayerShape]
    }

    /// - Throws: `badData` when the report or the recipe is damaged, or they are not of one run.
    init(folder: String, hasRecipe: Bool) throws(Fault) {
        path = folder + "/" + PublishedFile.report
        let reader: RecordObjectReader
        do throws(Fault) {
            reader = RecordObjectReader(
                try JSONValue(parsing: try ReadableFile.bytes(path)).objectValue ?? JSONObject(), path: path)
        } catch { throw error.inFile(path) }
        method = try reader.text(.method)
        preset = try reader.text(.preset)
        let text = try reader.text(.pattern)
        do throws(Fault) { pattern = try PatternChoice(parsing: text) } catch {
            throw Fault(
                .badData, error.summary, file: path, place: "key '\(ReportKey.pattern.rawValue)'", found: error.found,
                expected: error.expected)
        }
        (asked, achieved) = (try reader.number(.sparsity, .asked), try reader.number(.sparsity, .achieved))
        parametersBefore = try reader.integer(.parameters, .before)
        parametersAfter = try reader.integer(.parameters, .after)
        linears = try reader.list(.linears).map { (value) throws(Fault) in
            guard let name = value.stringValue else { throw reader.fault(ReportKey.linears.rawValue, value.kindName) }
            return name
        }
        blocks = try reader.list(.blocks).map { (value) throws(Fault) in
            guard let block = BlockReport(json: value) else {
                throw reader.fault(ReportKey.blocks.rawValue, value.kindName)
            }
            for (key, count) in [(ReportKey.weights, block.weights), (.removed, block.removed)]
            where !PruningRecord.counts.contains(count) {
                throw reader.fault(ReportKey.path(.blocks, key), "\(count)")
            }
            return block
        }
        structure = try reader.structure()
        calibration = reader.object[.calibration]?.objectValue
        settings = hasRecipe ? try PruningRecord.settings(folder + "/" + PublishedFile.recipe) : nil
        if let settings { try check(settings) }
    }

    private static func settings(_ path: String) throws(Fault) -> PruneSettings {
        do throws(Fault) { return try PruneRecipe(contentsOf: path).resolved() } catch {
            throw Fault(
                .badData, "the recipe of the run cannot be read: \(error.summary)", file: error.file ?? path,
                place: error.place, found: error.found, expected: error.expected)
        }
    }

    private func check(_ settings: PruneSettings) throws(Fault) {
        try expect(ReportKey.method.rawValue, method, settings.method.name)
        try expect(ReportKey.preset.rawValue, preset, settings.preset.text)
        try expect(ReportKey.pattern.rawValue, pattern.text, settings.pattern.text)
        try expect(ReportKey.path(.sparsity, .asked), "\(asked)", "\(settings.sparsity.fraction)")
        if let structure, let wanted = settings.structure?.budget {
            try expect(ReportKey.path(.structure, .budget, .of), structure.budget, wanted.text)
        }
        try checkCalibration(settings)
    }

    /// Which texts, how much of each was wanted, and that the samples of the sources are all of the samples.
    private func checkCalibration(_ settings: PruneSettings) throws(Fault) {
        func shown(_ value: JSONValue?) -> String {
            value.map { $0.stringValue ?? $0.text(pretty: false) } ?? "nothing"
        }
        let sources = (calibration?[.sources]?.arrayValue ?? []).map { $0.objectValue ?? JSONObject() }
        try expect(
            ReportKey.path(.calibration, .sources), "\(sources.count) entries", "\(settings.calibration.count) entries")
        guard let calibration, !sources.isEmpty else { return }
        for (index, (source, text)) in zip(sources, settings.calibration).enumerated() {
            let key = "calibration.sources[\(index)]"
            let wanted = try CalibrationSource(parsing: text)
            let name = wanted.path.map(FileSystem.last) ?? "self"
            try expect(key + ".file", source[.file].map(shown) ?? shown(source[.kind]), name)
            try expect(key + ".weight", source[.weight]?.doubleValue.map { "\($0)" } ?? "nothing", "\(wanted.weight)")
        }
        try expect(ReportKey.path(.calibration, .seed), shown(calibration[.seed]), "\(settings.seed)")
        try expect(
            ReportKey.path(.calibration, .samplesAsked), shown(calibration[.samplesAsked]), "\(settings.samples)")
        var samples = 0
        for (index, source) in sources.enumerated() {
            guard let count = source[.samples]?.integerValue, PruningRecord.counts.contains(count) else {
                return try expect("calibration.sources[\(index)].samples", shown(source[.samples]), "a count")
            }
            samples += count
        }
        try expect(ReportKey.path(.calibration, .samples), shown(calibration[.samples]), "\(samples)")
        if let wanted = settings.sequenceLength, calibration[.sequenceLength]?.integerValue ?? .max > wanted {
            try expect(
                ReportKey.path(.calibration, .sequenceLength), shown(calibration[.sequenceLength]), "at most \(wanted)")
        }
    }

    /// - Throws: `badData` that names the key when the report says something else than its recipe or the weights.
    func expect(_ key: String, _ found: String, _ expected: String) throws(Fault) {
        guard found != expected else { return }
        throw Fault(
            .badData, "the report does not say what was published", file: path, place: "key '\(key)'", found: found,
            expected: expected,
            advice: "report or weights were changed after the run: copy the folder again, or repeat the run")
    }
}

/// Typed values of a report.
private struct RecordObjectReader {
    let object: JSONObject
    let path: String

    init(_ object: JSONObject, path: String) {
        self.object = object
        self.path = path
    }

    func fault(_ key: String, _ found: String?) -> Fault {
        Fault(
            .badData, "the report of the run cannot be understood", file: path, place: "key '\(key)'",
            found: found ?? "nothing", expected: "the report of a run of `espalier prune`")
    }

    private func value<Value>(
        _ keys: [ReportKey], _ read: (JSONValue) -> Value?
    ) throws(Fault) -> Value {
        var value: JSONValue? = .object(object)
        for key in keys { value = value?.objectValue?[key] }
        guard let found = value.flatMap(read) else { throw fault(ReportKey.path(keys), value?.kindName) }
        return found
    }

    func text(_ keys: ReportKey...) throws(Fault) -> String { try value(keys, \.stringValue) }
    func number(_ keys: ReportKey...) throws(Fault) -> Double { try value(keys, \.doubleValue) }
    func integer(_ keys: ReportKey...) throws(Fault) -> Int { try value(keys, \.integerValue) }
    func list(_ keys: ReportKey...) throws(Fault) -> [JSONValue] { try value(keys, \.arrayValue) }

    func structure() throws(Fault) -> PruningRecord.Structure? {
        guard object[.structure] != nil else { return nil }
        let layers = try list(.structure, .layers).map { (value) throws(Fault) in
            guard let shape = LayerShape(json: value),
                [shape.headCount, shape.keyValueHeadCount, shape.intermediateSize].allSatisfy((0...1 << 24).contains)
            else { throw fault(ReportKey.path(.structure, .layers), value.kindName) }
            return shape
        }
        return PruningRecord.Structure(
            isPlain: try value([.structure, .plain], \.boolValue),
            budget: try text(.structure, .budget, .of), before: try integer(.structure, .budget, .before),
            after: try integer(.structure, .budget, .after), layers: layers)
    }
}
