import Calibration
import Checkpoints
import Crypto
import Faults
import Files
import Foundation
import JSONText
import Torch

/// The first line of a run's journal: what the run is, so that it is only ever continued as itself.
struct RunRecord: Equatable {
    /// Its paths are named from the output's folder.
    var recipe: String
    var model: String
    var calibration: String
    var engine: String
    var threads: Int

    static let version = 4

    var json: JSONValue {
        .object([
            "kind": .string("run"), "version": .integer(RunRecord.version), "recipe": .string(recipe),
            "model": .string(model), "calibration": .string(calibration), "engine": .string(engine),
            "threads": .integer(threads),
        ])
    }

    init(recipe: String, model: String, calibration: String, engine: String, threads: Int) {
        self.recipe = recipe
        self.model = model
        self.calibration = calibration
        self.engine = engine
        self.threads = threads
    }

    init?(json: JSONValue) {
        guard let object = json.objectValue, object["kind"]?.stringValue == "run",
            object["version"]?.integerValue == RunRecord.version, let recipe = object["recipe"]?.stringValue,
            let model = object["model"]?.stringValue, let calibration = object["calibration"]?.stringValue,
            let engine = object["engine"]?.stringValue, let threads = object["threads"]?.integerValue
        else { return nil }
        self.init(
            recipe: recipe, model: model, calibration: calibration, engine: engine, threads: threads)
    }

    /// - Throws: `Fault` of kind `usage` that names what has changed since the run began.
    func checkContinues(_ earlier: RunRecord, file: String) throws(Fault) {
        let differences = [
            ("the model's files", earlier.model, model), ("the calibration tokens", earlier.calibration, calibration),
            ("the engine", earlier.engine, engine), ("the number of threads", "\(earlier.threads)", "\(threads)"),
        ].filter { $0.1 != $0.2 }
        guard let first = differences.first else { return }
        throw Fault(
            .usage, "the run cannot continue: \(differences.map(\.0).joined(separator: ", ")) changed since it began",
            file: file, found: first.2, expected: first.1,
            advice: "restore what changed, or start again with `espalier prune … --overwrite`")
    }
}

/// Tells one checkpoint from another without reading all of it.
package enum Fingerprint {
    private static let end = 1 << 20

    /// SHA-256 over the configuration and, for each weight file, its name, size, first and last MiB.
    package static func of(_ checkpoint: Checkpoint) throws(Fault) -> String {
        var hash = SHA256()
        hash.update(data: Data(JSONValue.object(checkpoint.configuration).text().utf8))
        for (name, bytes) in checkpoint.weightFiles {
            hash.update(data: Data("\(name) \(bytes)\n".utf8))
            let path = checkpoint.path(ofWeightFile: name)
            let file = try InputFile(path)
            hash.update(data: try file.bytes(at: 0, count: min(end, file.size)))
            if bytes > end {
                hash.update(data: try file.bytes(at: bytes - end, count: min(end, max(0, file.size - (bytes - end)))))
            }
        }
        return hash.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}
