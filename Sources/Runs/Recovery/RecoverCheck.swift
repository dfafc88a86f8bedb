import Faults
import Files
import JSONText
import Recovery

/// A point of a recovery at which the held-out sequences were looked at and the state was written: what a resumed run
/// goes on from.
struct RecoverCheck: Equatable {
    /// Steps that are done.
    var step: Int
    var heldOut: RecoveryLoss
    /// Whether no earlier check was better.
    var isBest: Bool
    /// Steps since the check before.
    var steps: [Trainer.Step]
    /// Seconds of training since the check before.
    var seconds: Double
    /// A file for each layer; none at the start and the end.
    var files: [FileDigest]

    static let kind = "check"

    var json: JSONValue {
        .object([
            "kind": .string(RecoverCheck.kind), "step": .integer(step),
            "held_out": .array([.double(heldOut.kl), .double(heldOut.lm)]), "best": .bool(isBest),
            "steps": .array(
                steps.map {
                    .array([
                        .double($0.loss.kl), .double($0.loss.lm), .double($0.gradientNorm), .integer($0.positions),
                    ])
                }),
            "seconds": .double(seconds),
            "files": .array(
                files.map {
                    .object(["file": .string($0.name), "sha256": .string($0.sha256), "bytes": .integer($0.bytes)])
                }),
        ])
    }

    init(
        step: Int, heldOut: RecoveryLoss, isBest: Bool, steps: [Trainer.Step], seconds: Double, files: [FileDigest]
    ) {
        (self.step, self.heldOut, self.isBest) = (step, heldOut, isBest)
        (self.steps, self.seconds, self.files) = (steps, seconds, files)
    }

    /// - Throws: `badData` for what this program does not write.
    init(_ line: JournalLine, layers: Int) throws(Fault) {
        step = try line.integer(line.object, "step")
        let losses = try line.list("held_out", count: 2)
        let finite = -1e9...1e9
        heldOut = RecoveryLoss(
            kl: try line.number(losses[0], "held_out", in: finite),
            lm: try line.number(losses[1], "held_out", in: finite)
        )
        guard let isBest = line.object["best"]?.boolValue else {
            throw line.fault("best", found: line.object["best"]?.kindName ?? "nothing", expected: "true or false")
        }
        self.isBest = isBest
        seconds = try line.number(line.object["seconds"], "seconds", in: 0...1e9)
        steps = []
        for value in try line.list("steps") {
            let numbers = value.arrayValue ?? []
            guard numbers.count == 4, let positions = numbers[3].integerValue, positions >= 0 else {
                throw line.fault("steps", found: value.kindName, expected: "four numbers of a step")
            }
            steps.append(
                Trainer.Step(
                    loss: RecoveryLoss(
                        kl: try line.number(numbers[0], "steps", in: finite),
                        lm: try line.number(numbers[1], "steps", in: finite)),
                    gradientNorm: try line.number(numbers[2], "steps", in: 0...1e30), positions: positions))
        }
        files = []
        let list = try line.list("files")
        guard list.isEmpty || list.count == layers else {
            throw line.fault("files", found: "\(list.count) files", expected: "\(layers)")
        }
        for (layer, value) in list.enumerated() {
            let object = value.objectValue ?? JSONObject()
            guard object["file"]?.stringValue == RecoverCheck.fileName(step: step, layer: layer),
                let sha256 = object["sha256"]?.stringValue, let bytes = object["bytes"]?.integerValue, bytes >= 0
            else {
                throw line.fault(
                    "files", found: "\(value.text(pretty: false).prefix(120))",
                    expected: RecoverCheck.fileName(step: step, layer: layer))
            }
            files.append(
                FileDigest(name: RecoverCheck.fileName(step: step, layer: layer), sha256: sha256, bytes: bytes))
        }
    }

    /// The file of a layer's state after so many steps.
    static func fileName(step: Int, layer: Int) -> String { "state-\(step)-\(layer).safetensors" }
}
