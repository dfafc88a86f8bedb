import Foundation
import JSONText
import TestSupport

@testable import Reports

/// Folders as `prune`, `evaluate`, `benchmark` and `gate` leave them.
enum RunFolder {
    private static let report = """
        {"method": "wanda++", "preset": "default", "pattern": "2:4", "sparsity": {"asked": 0.5, "achieved": 0.5},
         "parameters": {"before": 1000, "after": 600},
         "blocks": [{"index": 0, "error_before": 0.2, "error_after": 0.1, "sparsity": {"q": 0.5, "down": 0.25},
                     "linear_errors": {"q": 0.02, "down": 0.08}},
                    {"index": 1, "error_before": null, "error_after": null, "sparsity": {"q": 0.5, "down": 0.75}}],
         "search": [{"step": "start", "kl": 1.5}, {"step": "round", "kl": 1.0}],
         "calibration": {"samples": 8, "sequence_length": 64, "seed": SEED, "tokens_sha256": "abc",
                         "sources": [{"file": "TEXT", "kind": "txt", "sha256": "def", "weight": 1.0, "documents": 3,
                                      "documents_used": 2, "tokens": 512, "samples": 8}]}}
        """

    /// - Parameters:
    ///   - spread: how far the least and the most of five repeats are from their median, as a share of it.
    ///   - isStructured: whether units were removed.
    /// - Returns: its path.
    static func make(
        _ name: String = "run", in work: TemporaryFolder, seed: Int = 0, ratio: Double = 1.05, agreement: Double = 0.9,
        source: String = "news.txt", recipe: String = "version: 1\n", decode: Double = 1.5, spread: Double = 0.05,
        isStructured: Bool = false
    ) throws -> String {
        let path = work.path + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try work.write(
            name + "/report.json",
            report.replacing("SEED", with: "\(seed)").replacing("TEXT", with: source)
                .replacing("2:4", with: isStructured ? "structured" : "2:4"))
        try work.write(
            name + "/results.json",
            """
            {"perplexity": {"wiki.txt": {"value": \(20 * ratio), "tokens": 10}},
             "divergence": {"wiki.txt": {"kl": 0.125, "top1_agreement": \(agreement), "against_perplexity": 20.0}},
             "results": {"piqa": {"acc,none": 0.6, "acc_stderr,none": 0.02, "acc_norm,none": 0.65, "acc_norm_stderr,none": 0.03},
                         "boolq": {"acc,none": 0.5, "acc_stderr,none": "N/A"}},
             "against_results": {"piqa": {"acc_norm,none": 0.7, "acc_norm_stderr,none": 0.03}},
             "samples": [{"prompt": "The capital", "dense": "of France is Paris", "pruned": "of France was big", "kl": 0.75}],
             "environment": {"cpu": "of the test", "threads": 2}, "date": 1764255900.5}
            """)
        func run(_ first: Double, _ rate: Double) -> String {
            func repeats(_ median: Double) -> String {
                "{\"median\": \(median), \"least\": \(median * (1 - spread)), \"most\": \(median * (1 + spread))}"
            }
            return "{\"prompt\": 128, \"batch\": 1, \"time_to_first_token\": \(repeats(first)), "
                + "\"decode_tokens_per_second\": \(repeats(rate))}"
        }
        try work.write(
            name + "/benchmark.json",
            """
            {"runs": [\(run(0.8, 40 * decode))], "repeats": 5, "bytes": 600,
             "ratios": [{"prompt": 128, "batch": 1, "time_to_first_token": 1.25, "decode_tokens_per_second": \(decode)}],
             "size_ratio": 0.6, "against": {"model": "models/dense.gguf", "bytes": 1000, "runs": [\(run(1, 40))]},
             "environment": {"cpu": "of the benchmark", "threads": 1}}
            """)
        try work.write(name + "/recipe.yaml", recipe)
        return path
    }

    /// Every string that a file can hold, and its keys where they are names, is the text.
    static func makeHostile(_ text: String, _ name: String = "hostile", in work: TemporaryFolder) throws -> PublishedRun
    {
        let path = try make(name, in: work)
        let string = JSONValue.string(text).text(pretty: false)
        try work.write(
            name + "/report.json",
            """
            {"method": \(string), "preset": \(string), "pattern": \(string), "sparsity": {"asked": 0.5, "achieved": 0.5},
             "parameters": {"before": 1000, "after": 600},
             "blocks": [{"error_after": 0.1, "sparsity": {\(string): 0.5}, "linear_errors": {\(string): 0.5}}],
             "search": [{"step": \(string), "kl": 1.5}, {"step": \(string), "kl": 1.0}],
             "calibration": {"samples": 8, "seed": 0, "tokens_sha256": \(string),
                             "sources": [{"file": \(string), "kind": \(string), "sha256": \(string)}]}}
            """)
        try work.write(
            name + "/results.json",
            """
            {"perplexity": {\(string): {"value": 21}, "b": {"value": 21}},
             "divergence": {\(string): {"kl": 0.125, "top1_agreement": 0.9, "against_perplexity": 20.0}},
             "results": {\(string): {"acc,none": 0.6, "acc_stderr,none": \(string)}},
             "against_results": {\(string): {"acc,none": 0.6}},
             "samples": [{"prompt": \(string), "dense": \(string), "pruned": \(JSONValue.string("x" + text).text(pretty: false))}],
             "environment": {\(string): \(string), "list": [\(string)]}}
            """)
        try work.write(
            name + "/gate.json",
            """
            {"verdict": "fail", "stage": \(string), "notes": [\(string)],
             "checks": [{"rule": \(string), "subject": \(string), "outcome": "fail", "value": null, "limit": \(string), "reason": \(string)}]}
            """)
        try work.write(name + "/recipe.yaml", text)
        var run = try PublishedRun(folder: path)
        run.name = text
        return run
    }

    /// A model whose predictions are no numbers.
    static func makeBroken(_ name: String = "broken", in work: TemporaryFolder) throws -> PublishedRun {
        let path = try make(name, in: work)
        try work.write(
            name + "/report.json",
            """
            {"method": "magnitude", "pattern": "2:4", "sparsity": {"asked": 0.5, "achieved": 0.5},
             "parameters": {"before": 0, "after": 0}, "search": [{"step": "start", "kl": null}],
             "blocks": [{"error_before": null, "error_after": 1e999, "sparsity": {"q": null, "down": 1e999},
                         "linear_errors": {"q": null, "down": 1e999}}]}
            """)
        try work.write(
            name + "/results.json",
            """
            {"perplexity": {"wiki.txt": {"value": null}},
             "divergence": {"wiki.txt": {"kl": null, "top1_agreement": null, "against_perplexity": 20.0}},
             "results": {"piqa": {"acc,none": 1e999, "acc_stderr,none": null}},
             "samples": [{"prompt": "p", "dense": "d", "pruned": "", "kl": null}]}
            """)
        try work.write(
            name + "/benchmark.json",
            """
            {"ratios": [{"prompt": 1, "batch": 1, "time_to_first_token": 1e999, "decode_tokens_per_second": 1e999}],
             "size_ratio": null, "against": {"runs": [{"decode_tokens_per_second": {"median": 0}}]}}
            """)
        return try PublishedRun(folder: path)
    }
}
