import EspalierKit
import Faults
import Foundation
import Recipes
import Runs

/// Journals of interrupted runs: a walk over the blocks, a search for the sparsity of each layer, and Týr.
nonisolated(unsafe) let journalTargets: [FuzzTarget] = [
    journalTarget("journal-walk") { $0.method = "magnitude" },
    journalTarget("journal-search") { recipe in
        recipe.method = "wanda"
        recipe.allocation = .search
    },
    journalTarget("journal-tyr") { recipe in
        recipe.method = "tyr"
        recipe.effort = .quick
    },
]

private func journalTarget(_ name: String, _ method: @escaping (inout PruneRecipe) -> Void) -> FuzzTarget {
    var made: InterruptedRun?
    func run() throws -> InterruptedRun {
        if let made { return made }
        let run = try InterruptedRun(name, Scratch.shared, method)
        made = run
        return run
    }
    return FuzzTarget(
        name, .jsonLines, longest: 1 << 17, seeds: { try run().states.map(\.journal) },
        { bytes, _ in try run().resume(journal: bytes) })
}

/// A run that is interrupted after every step, and goes on with other journals.
private final class InterruptedRun {
    struct State {
        let folder: String
        let journal: [UInt8]
    }

    private(set) var states: [State] = []
    private let output: String
    private let files = FileManager.default

    init(_ name: String, _ scratch: Scratch, _ method: (inout PruneRecipe) -> Void) throws {
        let model = scratch.folder("pruned-model", from: "Base/model")
        output = scratch.path + "/" + name
        var recipe = PruneRecipe()
        recipe.model = model
        recipe.output = output
        recipe.calibration = [FuzzTarget.home + "/Base/calibration.txt"]
        recipe.samples = 4
        recipe.sequenceLength = 16
        recipe.device = .cpu
        recipe.dtype = .float32
        recipe.threads = 1
        method(&recipe)
        let context = try PrunePreparation(try recipe.resolved(), reporter: SilentReporter()).context
        var kept: Set<Int> = []
        _ = try PruneRun(context) { _ in
            // Each event is a place at which the run could have been killed.
            guard let journal = try? InputBytes.of(self.staging + "/journal.jsonl"), kept.insert(journal.count).inserted
            else { return }
            let folder = self.output + ".state-\(kept.count)"
            try? self.files.copyItem(atPath: self.staging, toPath: folder)
            self.states.append(State(folder: folder, journal: journal))
        }.start()
        try files.removeItem(atPath: output)
        precondition(!states.isEmpty, "the run was over before its first event")
    }

    private var staging: String { output + ".partial" }

    /// Lays out the state whose journal is the nearest in length, with this journal, and goes on.
    func resume(journal: [UInt8]) throws {
        let state = states.min { abs($0.journal.count - journal.count) < abs($1.journal.count - journal.count) }
        guard let state else { return }
        defer {
            for path in [output, staging, staging + ".lock"] { try? files.removeItem(atPath: path) }
        }
        try files.copyItem(atPath: state.folder, toPath: staging)
        try Data(journal).write(to: URL(fileURLWithPath: staging + "/journal.jsonl"))
        do {
            guard let settings = try PruneRun.interrupted(output: output) else { return }
            // A journal may name another model or text, as its user may; here only this run is of interest.
            guard settings.output == output, settings.model.hasPrefix(Scratch.shared.path),
                settings.calibration.allSatisfy({ $0.hasPrefix(FuzzTarget.home) }), settings.samples <= 8
            else { return }
            let context = try PrunePreparation(settings, reporter: SilentReporter()).context
            _ = try PruneRun(context).resume()
        } catch {
            precondition(!files.fileExists(atPath: output), "a refused journal was published")
            throw error
        }
    }
}
