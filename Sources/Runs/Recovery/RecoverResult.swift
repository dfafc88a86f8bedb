import Checkpoints
import Faults
import Files
import JSONText
import Publishing
import Recipes
import Records
import Recovery

/// What a finished recovery has to tell.
public struct RecoverResult {
    public let output: String
    public let loss: LossChoice
    public let turns: CountedTurns
    public let trained: TrainedPart
    /// Steps that were planned; fewer were done where the time was up or the held-out loss fell no more.
    public let stepsPlanned: Int
    public let steps: Int
    /// Tokens that were trained on, those of later passes included.
    public let tokens: Int
    /// Positions of them that the loss counted: those whose next token counts.
    public let countedPositions: Int
    public let trainingSamples: Int
    public let heldOutSamples: Int
    public let sequenceLength: Int
    /// Losses on the held-out sequences after so many steps; the first is before training.
    public let heldOut: [(step: Int, loss: RecoveryLoss)]
    /// The mean loss of every step.
    public let curve: [RecoveryLoss]
    /// The steps after which the state is what was written; 0 is the model as it came.
    public let bestStep: Int
    public let trainingSeconds: Double
    /// Whether adapters were written alone.
    private let isAdapters: Bool
    private let calibration: JSONObject?
    public var seconds = 0.0
    public var peakMemoryBytes = 0
    /// The most that tensors took on the GPU; nil without one.
    public var peakDeviceMemoryBytes: Int?

    init(_ context: RecoverContext, checks: [RecoverCheck], steps: Int) throws(Fault) {
        output = context.settings.output ?? ""
        loss = context.settings.loss
        turns = context.settings.turns
        trained = context.settings.trained
        stepsPlanned = steps
        self.steps = checks.last?.step ?? 0
        trainingSamples = context.training.count
        heldOutSamples = context.heldOut.count
        sequenceLength = context.tokens.columns
        tokens = self.steps * context.settings.batch * context.tokens.columns
        countedPositions = checks.reduce(0) { $0 + $1.steps.reduce(0) { $0 + $1.positions } }
        isAdapters = context.settings.lora?.merge == AdapterMerge.none
        heldOut = checks.map { ($0.step, $0.heldOut) }
        curve = checks.flatMap { $0.steps.map(\.loss) }
        bestStep = checks.last(where: \.isBest)?.step ?? 0
        trainingSeconds = checks.reduce(0) { $0 + $1.seconds }
        calibration = context.run.calibration?.manifest
    }

    private func value(_ loss: RecoveryLoss) -> Double { RecoveryLoss(self.loss).value(loss) }

    /// On the held-out sequences, before training and of what was written.
    public var before: Double { heldOut.first.map { value($0.loss) } ?? .nan }
    public var after: Double { heldOut.last { $0.step == bestStep }.map { value($0.loss) } ?? .nan }

    private var head: JSONObject {
        var object = JSONObject()
        object["loss"] = .string(loss.text)
        object["turns"] = .string(turns.text)
        object["trained"] = .string(trained.text)
        object["steps"] = .integer(steps)
        object["steps_planned"] = .integer(stepsPlanned)
        object["best_step"] = .integer(bestStep)
        object["tokens"] = .integer(tokens)
        object["counted_positions"] = .integer(countedPositions)
        object["training_samples"] = .integer(trainingSamples)
        object["held_out_samples"] = .integer(heldOutSamples)
        object["sequence_length"] = .integer(sequenceLength)
        object["held_out"] = .array(
            heldOut.map { step, loss in
                var entry = JSONObject([("step", .integer(step))])
                if self.loss.needsTeacher { entry["kl"] = .double(loss.kl) }
                entry["lm"] = .double(loss.lm)
                return .object(entry)
            })
        object["training_loss"] = .array(curve.map { .double(value($0)) })
        return object
    }

    /// The document that `recover --json` prints.
    public var json: JSONValue {
        var object = JSONObject([("output", .string(output))])
        for (key, value) in head.members { object[key] = value }
        object["training_seconds"] = .double(trainingSeconds)
        object["seconds"] = .double(seconds)
        object["peak_memory_bytes"] = .integer(peakMemoryBytes)
        if let bytes = peakDeviceMemoryBytes { object["peak_device_memory_bytes"] = .integer(bytes) }
        return .object(object)
    }

    /// `recovery.json` of the published folder: without what differs between two runs of one recipe.
    private var report: JSONValue {
        var object = head
        if let calibration { object["calibration"] = .object(calibration) }
        return .object(object)
    }

    /// What stands beside the published weights: what the pruned folder said of its pruning, and what this run adds.
    func documents(_ context: RecoverContext) throws(Fault) -> [(name: String, bytes: [UInt8])] {
        if let staged = context.staged { return documents(staged, context) }
        let checkpoint = context.decoder.checkpoint
        var documents: [(name: String, bytes: [UInt8])] = []
        if FileSystem.kind(checkpoint.path) == .folder {
            let report = FileSystem.joined(checkpoint.path, PublishedFile.report)
            if FileSystem.existsUnfollowed(report) {
                documents.append((PublishedFile.report, try InputFile(report).contents(limit: 1 << 30)))
            }
            let path = FileSystem.joined(checkpoint.path, PublishedFile.recipe)
            if FileSystem.existsUnfollowed(path), let given = try? PruneRecipe(contentsOf: path) {
                let named = context.settings.output.map { given.namingPaths(from: $0) } ?? given
                documents.append((PublishedFile.recipe, Array(named.yaml().utf8)))
            }
        }
        documents.append((PublishedFile.recovery, Array((report.text() + "\n").utf8)))
        documents.append((PublishedFile.recoveryRecipe, Array(context.settings.publishedRecipe.utf8)))
        documents.append((PublishedFile.card, Array(card(context).utf8)))
        return documents
    }

    /// The same at the end of a run of several prunings.
    private func documents(
        _ staged: StagedOutput, _ context: RecoverContext
    ) -> [(name: String, bytes: [UInt8])] {
        var own = report.objectValue ?? JSONObject()
        own["stages"] = .array(staged.stages.map(JSONValue.object))
        return [
            (PublishedFile.report, Array((JSONValue.object(staged.report).text() + "\n").utf8)),
            (PublishedFile.recipe, Array(staged.recipe.utf8)),
            (PublishedFile.recovery, Array((JSONValue.object(own).text() + "\n").utf8)),
            (PublishedFile.card, Array(StagedCard(staged, recovery: self, context).text.utf8)),
        ]
    }

    private func card(_ context: RecoverContext) -> String {
        let checkpoint = context.decoder.checkpoint
        var text = (try? checkpoint.card?.bytes()).map { String(decoding: $0, as: UTF8.self) } ?? ""
        if isAdapters {
            // What the model's card says of loading does not hold for adapters.
            text =
                CardHead(source: SourceCard(checkpoint), bases: [], tags: ["lora", "espalier"], isPlain: false).text
                + "# Adapters\n\nOpen them with PEFT on the model that they were trained on.\n"
        } else if text.isEmpty || text.hasPrefix("{") {
            text = CardHead(source: SourceCard(checkpoint), bases: [], tags: ["espalier"], isPlain: true).text
        }
        let shown =
            (try? RecoverRecipe(yaml: context.settings.publishedRecipe))?.namingFilesAlone().yaml()
            ?? context.settings.publishedRecipe
        func fixed(_ value: Double) -> String { "\((value * 1e4).rounded() / 1e4)" }
        return text + """

            ## Recovery

            Trained by Espalier after pruning, \(trained.phrase), with the loss \(loss.text)\(turns == .assistant ? " on the assistant's turns of conversations" : ""): \(steps) steps, \(tokens) tokens. On \(heldOutSamples) held-out \(heldOutSamples == 1 ? "sequence" : "sequences") the \
            loss went from \(fixed(before)) to \(fixed(after)) nats a token. Zeros stayed zeros. `recovery.json` holds \
            the curve, `recovery.yaml` makes the same weights again from the same model:

            ```
            espalier recover --recipe recovery.yaml --output FOLDER
            ```

            ```yaml
            \(shown)```

            """
    }
}
