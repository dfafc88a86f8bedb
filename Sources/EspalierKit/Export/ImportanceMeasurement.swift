import Calibration
import Checkpoints
import Decoders
import Faults
import Files
import Pruning
import Torch

/// Measures how large the inputs of a model's linear layers are, as they stand in the GGUF file.
struct ImportanceMeasurement {
    let opened: OpenedModel
    let layout: GGUFLayout
    let family: GGUFFamily
    let engine: EngineSettings

    /// One block at a time: each adds up the squares of its projections' inputs, and moves the hidden states on.
    ///
    /// - Parameter check: asked at every block.
    /// - Throws: `badData` when hidden states are no numbers, `insufficientMemory` when they do not fit, `inputOutput`,
    ///   and what `check` throws.
    func measure(
        _ set: CalibrationSet, _ reporter: any Reporter, check: ExportCheck
    ) throws(Fault) -> ImportanceMatrix {
        let (decoder, tokens) = (opened.decoder, set.tokens)
        let hidden = decoder.configuration.hiddenSize
        try FreeMemory.check(
            tokens.rows * tokens.columns * hidden * 4, for: "the hidden states of \(tokens.rows) samples")
        let states = try decoder.embedded(tokens.values).reshaped([tokens.rows, tokens.columns, hidden])
        let lane = SampleLane(
            HiddenStream(states), rotary: decoder.rotary(positions: tokens.columns),
            batch: decoder.batchTokens(of: BatchSize.processor, compute: engine.dtype) / tokens.columns,
            device: decoder.device)
        let places = Dictionary(uniqueKeysWithValues: layout.layers.enumerated().map { ($1.source, $0) })
        var entries: [String: ImportanceMatrix.Entry] = [:]
        let layers = decoder.configuration.layers.count
        reporter.begin("measuring inputs", total: Double(layers * lane.batchCount), unit: "batches")
        try Passage(decoder, compute: engine.dtype).forward { (step) throws(Fault) in
            try check()
            let statistics = InputStatistics(block: step.block, device: decoder.device)
            try step.advance(lane) {
                statistics.add($0, $1)
            } progress: { _ in
                reporter.advance(by: 1)
            }
            guard let place = places[step.layer] else { return }
            guard statistics.areFinite() else {
                throw Fault(
                    .badData, "hidden states are NaN or infinite", file: opened.checkpoint.path,
                    place: "layer \(step.layer)",
                    advice: "look for non-finite weights with `espalier inspect`, or export without --calibration")
            }
            for name in step.block.projections {
                let sums = statistics.squares(name).to(.float32).floats()
                guard !sums.isEmpty else { continue }
                for (linear, _) in step.block[name].rows(of: step.block[name].weight) {
                    guard let stored = family.storedName(linear.weightName(layer: step.layer)) else { continue }
                    entries["blk.\(place).\(stored.rest)"] = ImportanceMatrix.Entry(
                        sums: sums, count: Float(tokens.rows * tokens.columns))
                }
            }
        }
        reporter.finish()
        return ImportanceMatrix(
            entries: entries, datasets: sourceNames(set), chunks: tokens.rows, chunkSize: tokens.columns)
    }

    private func sourceNames(_ set: CalibrationSet) -> [String] {
        (set.manifest["sources"]?.arrayValue ?? []).compactMap { $0.objectValue?["file"]?.stringValue }
    }
}
