import Calibration
import Faults
import Files
import JSONText
import Records

/// What the texts that a model was calibrated and trained on hold of what is evaluated.
struct CalibrationOverlap {
    /// Of the model.
    let folder: String

    /// Empty for a model without a sketch of its calibration text.
    ///
    /// - Parameters:
    ///   - opened: the model of the folder.
    ///   - inputs: tokens by name.
    func found(
        _ opened: OpenedModel, _ inputs: [(name: String, rows: [ArraySlice<Int32>])], _ tasks: TaskRun?,
        _ reporter: any Reporter
    ) throws(Fault) -> [(name: String, overlap: NGramOverlap)] {
        let calibrated = try found(PublishedFile.report, "calibration text", opened, inputs, tasks, reporter)
        let trained = try found(PublishedFile.recovery, "training text", opened, inputs, tasks, reporter)
        // By text, the larger of the two.
        return (calibrated.isEmpty ? trained : calibrated).map { name, overlap in
            let other = trained.first { $0.name == name }?.overlap
            return (name, other.map { $0.found > overlap.found ? $0 : overlap } ?? overlap)
        }
    }

    private func found(
        _ file: String, _ noun: String, _ opened: OpenedModel, _ inputs: [(name: String, rows: [ArraySlice<Int32>])],
        _ tasks: TaskRun?, _ reporter: any Reporter
    ) throws(Fault) -> [(name: String, overlap: NGramOverlap)] {
        let unknown = "it is not known whether the evaluated text was used for calibration"
        let kept: CalibrationSketch?
        do throws(Fault) { kept = try CalibrationSketch(folder: folder, file: file) } catch {
            reporter.warning("\(error.file ?? folder): \(error.summary); \(unknown)")
            return []
        }
        guard let sketch = kept else { return [] }
        // Token files can be scored without a tokenizer.
        let tokenizer = sketch.level == .words ? opened.tokenizerIfUsable(reporter, otherwise: unknown) : nil
        var texts: [(String, NGramSet)] = []
        func add(_ name: String, _ rows: some Sequence<ArraySlice<Int32>>) {
            texts.append((name, NGramSet(rows: rows) { tokenizer?.decode($0, skipSpecialTokens: true) }))
        }
        for (name, rows) in inputs { add(name, rows) }
        if let tasks, sketch.level == .words { texts += tasks.texts }
        var overlaps: [(String, NGramOverlap)] = []
        for (name, runs) in texts {
            guard let overlap = sketch.overlap(with: runs) else { continue }
            overlaps.append((name, overlap))
            guard overlap.found > 0 else { continue }
            reporter.warning(
                "\(overlap.text) of \(name) are also in the \(noun) of the model; its figures may flatter the model")
        }
        return overlaps
    }
}

extension CalibrationSketch {
    /// The sketch in a published folder's report or record of its recovery; nil for any other model.
    ///
    /// - Throws: `Fault` for a report that cannot be read.
    fileprivate init?(folder: String, file: String) throws(Fault) {
        let path = folder + "/" + file
        guard FileSystem.existsUnfollowed(path) else { return nil }
        let bytes = try ReadableFile.bytes(path)
        let report: JSONValue
        do throws(Fault) { report = try JSONValue(parsing: bytes) } catch { throw error.inFile(path) }
        self.init(manifest: report.objectValue?[.calibration])
    }
}
