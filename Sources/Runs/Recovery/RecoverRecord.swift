import Faults
import JSONText

/// The first line of a recovery's journal: what the run is, so that it is only ever continued as itself.
struct RecoverRecord: Equatable {
    /// Its paths are named from the output's folder.
    var recipe: String
    var model: String
    var teacher: String
    var calibration: String
    var engine: String
    var threads: Int
    /// Of those that the run begins with; nil for none.
    var adapters: String?

    static let kind = "recovery"
    private static let version = 2

    init(
        recipe: String, model: String, teacher: String, calibration: String, engine: String, threads: Int,
        adapters: String? = nil
    ) {
        self.adapters = adapters
        (self.recipe, self.model, self.teacher) = (recipe, model, teacher)
        (self.calibration, self.engine, self.threads) = (calibration, engine, threads)
    }

    var json: JSONValue {
        var object = JSONObject([
            ("kind", .string(RecoverRecord.kind)), ("version", .integer(RecoverRecord.version)),
            ("recipe", .string(recipe)), ("model", .string(model)), ("teacher", .string(teacher)),
            ("calibration", .string(calibration)), ("engine", .string(engine)), ("threads", .integer(threads)),
        ])
        if let adapters { object["adapters"] = .string(adapters) }
        return .object(object)
    }

    init?(json: JSONValue) {
        guard let object = json.objectValue, object["kind"]?.stringValue == RecoverRecord.kind,
            object["version"]?.integerValue == RecoverRecord.version, let recipe = object["recipe"]?.stringValue,
            let model = object["model"]?.stringValue, let teacher = object["teacher"]?.stringValue,
            let calibration = object["calibration"]?.stringValue, let engine = object["engine"]?.stringValue,
            let threads = object["threads"]?.integerValue
        else { return nil }
        self.init(
            recipe: recipe, model: model, teacher: teacher, calibration: calibration, engine: engine, threads: threads,
            adapters: object["adapters"]?.stringValue)
    }

    /// - Throws: `usage` that names what has changed since the run began.
    func checkContinues(_ earlier: RecoverRecord, file: String) throws(Fault) {
        let differences = [
            ("the model's files", earlier.model, model), ("the teacher's files", earlier.teacher, teacher),
            ("the text's tokens", earlier.calibration, calibration),
            ("the adapters", earlier.adapters ?? "none", adapters ?? "none"), ("the engine", earlier.engine, engine),
            ("the number of threads", "\(earlier.threads)", "\(threads)"),
        ].filter { $0.1 != $0.2 }
        guard let first = differences.first else { return }
        throw Fault(
            .usage, "the run cannot continue: \(differences.map(\.0).joined(separator: ", ")) changed since it began",
            file: file, found: first.2, expected: first.1,
            advice: "restore what changed, or start again with `espalier recover … --overwrite`")
    }
}
