import Faults
import Foundation
import JSONText

/// What a published folder tells about its run: `report.json` with, where they are there, `recipe.yaml`, `results.json`
/// (`evaluate --output`) and `benchmark.json` (`benchmark --output`).
public struct PublishedRun {
    public struct Block: Equatable, Sendable {
        public var errorBefore: Double?
        public var errorAfter: Double?
        /// Fraction removed by linear.
        public var sparsity: [(linear: String, fraction: Double)]

        public static func == (left: Block, right: Block) -> Bool {
            left.errorAfter == right.errorAfter && left.sparsity.map(\.fraction) == right.sparsity.map(\.fraction)
        }
    }

    /// A text that the model was evaluated on.
    public struct Text: Equatable, Sendable {
        public var name: String
        public var perplexity: Double?
        public var densePerplexity: Double?
        public var kl: Double?
        public var topAgreement: Double?

        /// Pruned over dense.
        public var ratio: Double? {
            guard let perplexity, let densePerplexity, densePerplexity > 0 else { return nil }
            return perplexity / densePerplexity
        }
    }

    public struct Task: Equatable, Sendable {
        public var name: String
        /// acc_norm where the task has it, else acc.
        public var metric: String
        public var value: Double
        public var standardError: Double?
    }

    public struct Speed: Equatable, Sendable {
        public var prompt: Int
        public var batch: Int
        /// New tokens per second of the dense model, and how many times as fast the pruned one is.
        public var denseTokensPerSecond: Double?
        public var decode: Double
        public var firstToken: Double
    }

    public struct Sample: Equatable, Sendable {
        public var prompt: String
        public var dense: String
        public var pruned: String
    }

    public var folder: String
    /// The folder's last part.
    public var name: String
    public var method: String
    public var pattern: String
    public var asked: Double
    public var achieved: Double
    public var parametersBefore: Int
    public var parametersAfter: Int
    public var blocks: [Block]
    public var search: [(step: String, kl: Double)]
    public var layers: [JSONObject]
    /// Of the calibration text; empty where none was looked at.
    public var calibration: JSONObject?
    public var recipe: String?
    public var texts: [Text] = []
    public var tasks: [Task] = []
    public var samples: [Sample] = []
    public var speeds: [Speed] = []
    /// Bytes of the weight files over the dense model's.
    public var sizeRatio: Double?
    public var environment: JSONObject?

    /// The text on which most is known: the first with a divergence, else the first.
    public var text: Text? { texts.first { $0.ratio != nil } ?? texts.first }
    public var parametersLeft: Double {
        parametersBefore > 0 ? Double(parametersAfter) / Double(parametersBefore) : 1
    }
    public var seed: Int? { calibration?["seed"]?.integerValue }
    public var sources: [String] {
        (calibration?["sources"]?.arrayValue ?? []).compactMap { $0.objectValue?["file"]?.stringValue }
    }

    /// The largest of these files that is read.
    static let largestFile = 64 << 20

    /// - Throws: `missingInput` without a `report.json`, `badData` for one that is none.
    public init(folder: String) throws(Fault) {
        self.folder = folder
        name = folder.split(separator: "/").last.map(String.init) ?? folder
        guard let report = try PublishedRun.document(folder + "/report.json") else {
            throw Fault(
                .missingInput, "the folder holds no report.json", file: folder,
                expected: "the output of `espalier prune`")
        }
        func fault(_ key: String) -> Fault {
            Fault(.badData, "the report lacks a key", file: folder + "/report.json", expected: key)
        }
        guard let method = report["method"]?.stringValue else { throw fault("method") }
        guard let sparsity = report["sparsity"]?.objectValue, let asked = sparsity["asked"]?.doubleValue,
            let achieved = sparsity["achieved"]?.doubleValue
        else { throw fault("sparsity: asked, achieved") }
        guard let parameters = report["parameters"]?.objectValue, let before = parameters["before"]?.integerValue,
            let after = parameters["after"]?.integerValue
        else { throw fault("parameters: before, after") }
        self.method = report["preset"]?.stringValue == "paper" ? method + " (paper)" : method
        pattern = report["pattern"]?.stringValue ?? ""
        (self.asked, self.achieved) = (asked, achieved)
        (parametersBefore, parametersAfter) = (before, after)
        blocks = (report["blocks"]?.arrayValue ?? []).map { block in
            let object = block.objectValue
            let linears = object?["sparsity"]?.objectValue
            return Block(
                errorBefore: object?["error_before"]?.doubleValue, errorAfter: object?["error_after"]?.doubleValue,
                sparsity: (linears?.keys ?? []).map { ($0, linears?[$0]?.doubleValue ?? .nan) })
        }
        search = (report["search"]?.arrayValue ?? []).compactMap { step in
            guard let name = step.objectValue?["step"]?.stringValue, let kl = step.objectValue?["kl"]?.doubleValue
            else { return nil }
            return (name, kl)
        }
        layers = (report["structure"]?.objectValue?["layers"]?.arrayValue ?? []).compactMap(\.objectValue)
        calibration = report["calibration"]?.objectValue
        recipe = try PublishedRun.bytes(folder + "/recipe.yaml").map { String(decoding: $0, as: UTF8.self) }
        if let results = try PublishedRun.document(folder + "/results.json") { read(results: results) }
        if let benchmark = try PublishedRun.document(folder + "/benchmark.json") { read(benchmark: benchmark) }
    }

    private mutating func read(results: JSONObject) {
        let divergence = results["divergence"]?.objectValue
        let perplexity = results["perplexity"]?.objectValue
        texts = (perplexity?.keys ?? []).map { name in
            let found = divergence?[name]?.objectValue
            return Text(
                name: name, perplexity: perplexity?[name]?.objectValue?["value"]?.doubleValue,
                densePerplexity: found?["against_perplexity"]?.doubleValue, kl: found?["kl"]?.doubleValue,
                topAgreement: found?["top1_agreement"]?.doubleValue)
        }
        let tasks = results["results"]?.objectValue
        self.tasks = (tasks?.keys ?? []).compactMap { name in
            let object = tasks?[name]?.objectValue
            for metric in ["acc_norm", "acc"] {
                guard let value = object?["\(metric),none"]?.doubleValue else { continue }
                return Task(
                    name: name, metric: metric, value: value,
                    standardError: object?["\(metric)_stderr,none"]?.doubleValue)
            }
            return nil
        }
        samples = (results["samples"]?.arrayValue ?? []).compactMap { sample in
            guard let object = sample.objectValue, let prompt = object["prompt"]?.stringValue,
                let dense = object["dense"]?.stringValue, let pruned = object["pruned"]?.stringValue
            else { return nil }
            return Sample(prompt: prompt, dense: dense, pruned: pruned)
        }
        environment = results["environment"]?.objectValue
    }

    private mutating func read(benchmark: JSONObject) {
        let dense = benchmark["against"]?.objectValue?["runs"]?.arrayValue ?? []
        speeds = (benchmark["ratios"]?.arrayValue ?? []).enumerated().compactMap { index, ratio in
            guard let object = ratio.objectValue, let prompt = object["prompt"]?.integerValue,
                let batch = object["batch"]?.integerValue,
                let decode = object["decode_tokens_per_second"]?.doubleValue,
                let first = object["time_to_first_token"]?.doubleValue
            else { return nil }
            let run = index < dense.count ? dense[index].objectValue : nil
            return Speed(
                prompt: prompt, batch: batch,
                denseTokensPerSecond: run?["decode_tokens_per_second"]?.objectValue?["median"]?.doubleValue,
                decode: decode, firstToken: first)
        }
        sizeRatio = benchmark["size_ratio"]?.doubleValue
        environment = environment ?? benchmark["environment"]?.objectValue
    }

    private static func bytes(_ path: String) throws(Fault) -> Data? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            let data = try handle.read(upToCount: largestFile + 1) ?? Data()
            guard data.count <= largestFile else {
                throw Fault(
                    .badData, "the file is too large for a report", file: path,
                    expected: "at most \(largestFile) bytes")
            }
            return data
        } catch let fault as Fault {
            throw fault
        } catch { throw Fault(.inputOutput, "the file cannot be read", file: path, found: "\(error)") }
    }

    private static func document(_ path: String) throws(Fault) -> JSONObject? {
        guard let data = try bytes(path) else { return nil }
        do throws(Fault) {
            guard let object = try JSONValue(parsing: String(decoding: data, as: UTF8.self)).objectValue else {
                throw Fault(.badData, "the file holds no JSON object")
            }
            return object
        } catch { throw error.inFile(path) }
    }
}
