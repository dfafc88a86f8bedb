import Faults
import JSONText
import Recipes
import Records

/// What stands beside the weights of a model that was pruned in stages with recovery after each: the last recovery
/// publishes it instead of what it would say of itself.
public struct StagedOutput {
    /// The text of `recipe.yaml`, of all stages.
    public let recipe: String
    /// `report.json`, of the model before the first stage.
    public let report: JSONObject
    /// What the stages did, the last without its training.
    public let stages: [JSONObject]

    /// - Parameters:
    ///   - settings: of the whole run.
    ///   - recipe: its recipe, paths named from the output.
    ///   - earlier: what the finished stages told.
    ///   - last: the report of the last pruning.
    /// - Throws: `badData` for reports that no pruning wrote.
    public init(
        _ settings: PruneSettings, recipe: String, earlier: [StageSummary], last: JSONObject
    ) throws(Fault) {
        self.recipe = recipe
        report = try StagedReport(earlier.map(\.report) + [last]).whole(asked: settings.sparsity.fraction)
        stages = earlier.map(\.told) + [StageSummary.told(of: last)]
    }
}

/// What a finished stage leaves for the end: its report and what its training did.
public struct StageSummary {
    public let report: JSONObject
    public let recovery: JSONObject

    /// - Parameters:
    ///   - report: `report.json` of the pruned folder.
    ///   - recovery: `recovery.json` of the recovered one.
    public init(report: JSONObject, recovery: JSONObject) {
        // The last stage tells of the same text.
        var kept = report
        kept[.calibration] = nil
        self.report = kept
        var short = JSONObject()
        for key in ["loss", "trained", "steps", "best_step", "tokens", "held_out"] { short[key] = recovery[key] }
        self.recovery = short
    }

    /// - Throws: `badData` for what no run wrote.
    public init(json: JSONObject) throws(Fault) {
        guard let report = json["report"]?.objectValue, let recovery = json["recovery"]?.objectValue else {
            throw Fault(
                .badData, "the record of a finished stage is damaged", expected: "report and recovery",
                advice: "start the run again with --overwrite")
        }
        (self.report, self.recovery) = (report, recovery)
    }

    public var json: JSONObject { JSONObject([("report", .object(report)), ("recovery", .object(recovery))]) }

    /// What `recovery.json` says of the stage.
    fileprivate var told: JSONObject {
        var object = StageSummary.told(of: report)
        for (key, value) in recovery.members { object[key] = value }
        return object
    }

    fileprivate static func told(of report: JSONObject) -> JSONObject {
        var object = JSONObject()
        for key in [ReportKey.pattern, .sparsity, .parameters] { object[key] = report[key] }
        return object
    }
}
