import Faults
import JSONText

/// Speeds of two models, from `benchmark --json`: the only place that knows that document's form.
public struct BenchmarkResults: Sendable {
    public enum Quantity: String, CaseIterable, Sendable {
        /// New tokens a second.
        case decode = "decode_tokens_per_second"
        /// Seconds to the first new token.
        case firstToken = "time_to_first_token"
    }

    /// What is measured: tokens of the prompt, and sequences at a time.
    struct Point: Hashable, Comparable, Sendable {
        var prompt: Int
        var batch: Int

        static func < (left: Point, right: Point) -> Bool { (left.prompt, left.batch) < (right.prompt, right.batch) }

        var text: String { "prompt \(prompt), batch \(batch)" }
    }

    public let file: String
    private let root: JSONObject
    private let runs: [Point: JSONObject]
    /// nil when only one model was measured.
    private let dense: [Point: JSONObject]?

    /// - Throws: `badData` for what is not a JSON object with `runs`, or where a point stands twice.
    public init(parsing bytes: [UInt8], file: String) throws(Fault) {
        self.file = file
        root = try ResultsFile.object(bytes, file: file)
        runs = try BenchmarkResults.runs(root, "runs", file)
        dense = try root["against"]?.objectValue.map { (object) throws(Fault) in
            try BenchmarkResults.runs(object, "against.runs", file)
        }
    }

    private static func runs(
        _ object: JSONObject, _ place: String, _ file: String
    ) throws(Fault) -> [Point: JSONObject] {
        guard let items = object["runs"]?.arrayValue else {
            throw Fault(
                .badData, "this is not a benchmark's result", file: file, place: place,
                found: object["runs"]?.kindName ?? "nothing", expected: "a list of runs",
                advice: "make it with `espalier benchmark MODEL --against DENSE --json`")
        }
        var runs: [Point: JSONObject] = [:]
        for (index, item) in items.enumerated() {
            guard let run = item.objectValue, let prompt = run["prompt"]?.integerValue,
                let batch = run["batch"]?.integerValue
            else {
                throw Fault(
                    .badData, "a run has no prompt and batch", file: file, place: "\(place)[\(index)]",
                    expected: "whole numbers")
            }
            guard runs.updateValue(run, forKey: Point(prompt: prompt, batch: batch)) == nil else {
                throw Fault(
                    .badData, "a run appears twice", file: file, place: "\(place)[\(index)]",
                    found: Point(prompt: prompt, batch: batch).text)
            }
        }
        return runs
    }

    /// Sizes of the dense model's files and of the model's.
    func sizes(_ quantity: SizeReport.Quantity) -> (before: Figure, after: Figure) {
        (Figure(root["against"]?.objectValue?[quantity.rawValue]), Figure(root[quantity.rawValue]))
    }

    var hasDense: Bool { dense != nil }

    /// Every point that one of the two models was measured at.
    var points: [Point] { Set(runs.keys).union(dense.map { Set($0.keys) } ?? []).sorted() }

    func speeds(_ quantity: Quantity, at point: Point) -> (pruned: Figure, dense: Figure) {
        (BenchmarkResults.median(runs[point], quantity), BenchmarkResults.median(dense?[point], quantity))
    }

    /// `{"median": x}`, or x itself.
    private static func median(_ run: JSONObject?, _ quantity: Quantity) -> Figure {
        let value = run?[quantity.rawValue]
        return Figure(value?.objectValue.map { $0["median"] } ?? value)
    }
}
