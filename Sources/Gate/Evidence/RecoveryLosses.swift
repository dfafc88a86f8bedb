import Faults
import JSONText

/// What a recovery's `recovery.json` tells: how long it trained, and the losses on its way.
public struct RecoveryLosses: Equatable, Sendable {
    public struct Point: Equatable, Sendable {
        public var step: Int
        /// In nats a token.
        public var loss: Double

        public init(step: Int, loss: Double) { (self.step, self.loss) = (step, loss) }
    }

    /// kl, lm or kl+lm.
    public var loss: String
    /// all or assistant, of conversations; nil in files that tell nothing of it.
    public var turns: String?
    /// all, norms or lora.
    public var trained: String
    public var steps: Int
    public var tokens: Int
    /// The steps after which the state was the best on the held-out sequences; 0 is the model as it came.
    public var bestStep: Int
    /// On held-out sequences, the first before training.
    public var heldOut: [Point]
    public var training: [Point]
    /// Steps and tokens of each stage before, where the model was pruned in stages.
    public var earlier: [Stage] = []

    public struct Stage: Equatable, Sendable {
        public var steps: Int
        public var tokens: Int
    }

    /// On the held-out sequences, before training and of what was written.
    public var before: Double? { heldOut.first?.loss }
    public var after: Double? { heldOut.last { $0.step == bestStep }?.loss }

    /// - Throws: `badData` for what no recovery wrote.
    public init(parsing bytes: [UInt8], file: String) throws(Fault) {
        try self.init(try ResultsFile.object(bytes, file: file), file: file)
    }

    /// - Parameter object: of `recovery.json`, or of what `recover --json` prints.
    /// - Throws: `badData` for what no recovery wrote.
    public init(_ object: JSONObject, file: String) throws(Fault) {
        func fault(_ key: String) -> Fault {
            Fault(
                .badData, "the record of the recovery lacks a key", file: file, expected: key,
                advice: "copy the folder again, or repeat `espalier recover`")
        }
        func integer(_ key: String) throws(Fault) -> Int {
            guard let value = object[key]?.integerValue, (0...1 << 52).contains(value) else { throw fault(key) }
            return value
        }
        guard let loss = object["loss"]?.stringValue else { throw fault("loss") }
        guard let trained = object["trained"]?.stringValue else { throw fault("trained") }
        (self.loss, self.trained) = (String(loss.prefix(20)), String(trained.prefix(20)))
        turns = object["turns"]?.stringValue.map { String($0.prefix(20)) }
        steps = try integer("steps")
        tokens = try integer("tokens")
        bestStep = try integer("best_step")
        let parts = loss.split(separator: "+").map(String.init)
        heldOut = []
        for entry in object["held_out"]?.arrayValue ?? [] {
            let values = parts.compactMap { entry.objectValue?[$0]?.doubleValue }
            guard let step = entry.objectValue?["step"]?.integerValue, values.count == parts.count else {
                throw fault("held_out: step, \(parts.joined(separator: ", "))")
            }
            heldOut.append(Point(step: step, loss: values.reduce(0, +)))
        }
        let curve = (object["training_loss"]?.arrayValue ?? []).compactMap(\.doubleValue)
        training = curve.enumerated().map { Point(step: $0.offset + 1, loss: $0.element) }
        // The last stage is the file's own.
        earlier = (object["stages"]?.arrayValue ?? []).dropLast().compactMap { stage in
            guard let stage = stage.objectValue, let steps = stage["steps"]?.integerValue,
                let tokens = stage["tokens"]?.integerValue
            else { return nil }
            return Stage(steps: steps, tokens: tokens)
        }
    }
}
