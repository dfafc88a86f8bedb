import Calibration
import Checkpoints
import Decoders
import Faults
import Recipes
import RunSupport
import Settings
import TestSupport
import Torch

@testable import Runs

/// What suites about recoveries share.
enum RecoveryBench {
    /// A tiny model, tokens, and the same model with zeros in 2:4 in the folder `pruned`.
    static func bench() throws -> Bench {
        let bench = try Bench(tokens: Bench.rows(40, 12)) { $0.layers = 2 }
        try bench.prune("pruned") {
            $0.method = "wanda"
            $0.pattern = try? PatternChoice(parsing: "2:4")
        }
        return bench
    }

    /// A recovery in float32 on a token file, or on letters.
    static func context(_ settings: RecoverSettings) throws -> RecoverContext {
        let student = try Decoder(try Checkpoint.open(settings.model))
        var request = CalibrationRequest(
            sources: [try CalibrationSource(parsing: settings.calibration[0])], samples: settings.samples,
            sequenceLength: settings.sequenceLength, seed: settings.seed,
            contextLength: student.configuration.contextLength,
            vocabularySize: student.configuration.vocabularySize)
        request.marksReplies = settings.turns == .assistant
        let set = try CalibrationBuilder(request, tokenizer: LetterTokenizer(), chat: .missing).build()
        return try RecoverContext(
            settings, student: student,
            teacher: try settings.teacher.map { path in try Decoder(try Checkpoint.open(path)) }, compute: .float32,
            calibration: set)
    }
}

/// Recoveries of a bench's model with zeros, 12 steps long where nothing else is asked.
protocol RecoverySuite {
    var bench: Bench { get }
}

extension RecoverySuite {
    func settings(
        _ output: String, model: String? = nil, _ change: (inout RecoverRecipe) -> Void = { _ in }
    ) throws -> RecoverSettings {
        var recipe = RecoverRecipe()
        recipe.model = model ?? bench.path("pruned")
        recipe.teacher = bench.model.path
        recipe.output = bench.path(output)
        recipe.calibration = [bench.tokenFile]
        recipe.samples = 40
        recipe.heldOut = 8
        recipe.steps = 12
        recipe.batch = 4
        recipe.checkEvery = 4
        recipe.learningRate = 3e-3
        recipe.device = .cpu
        recipe.dtype = .float32
        recipe.threads = 1
        change(&recipe)
        return try recipe.resolved()
    }

    func context(_ settings: RecoverSettings) throws -> RecoverContext {
        try RecoveryBench.context(settings)
    }

    @discardableResult
    func recover(
        _ output: String, model: String? = nil, _ change: (inout RecoverRecipe) -> Void = { _ in },
        events: @escaping EventHandler = { _ in }
    ) throws -> RecoverResult {
        try RecoverRun(try context(try settings(output, model: model, change)), events: events).start()
    }

    func zeros(_ folder: String) throws -> [String: [Bool]] {
        let decoder = try Decoder(try Checkpoint.open(bench.path(folder)))
        var zeros: [String: [Bool]] = [:]
        for layer in 0..<decoder.configuration.layerCount {
            let block = try decoder.block(layer)
            for linear in block.linears {
                zeros[linear.weightName(layer: layer)] = block.weight(linear).floats().map { $0 == 0 }
            }
        }
        return zeros
    }

    func copies(_ change: @escaping (inout RecoverRecipe) -> Void) throws -> [String] {
        var names: [String] = []
        try recover("out", change) { event in
            guard case .progress = event else { return }
            names.append("copy-\(names.count)")
            try? bench.copy("out.partial", to: names[names.count - 1])
        }
        return names
    }
}

/// A token for each letter, so that any text can be the tiny model's.
struct LetterTokenizer: TextTokenizer {
    var beginningToken: Int32? { nil }
    var endToken: Int32? { nil }
    func encode(_ text: String) throws(Fault) -> [Int32] { text.utf8.map { Int32($0) % 32 } }

    func encode(
        _ text: String, marking marked: [Range<Int>]
    ) throws(Fault) -> (tokens: [Int32], isMarked: [Bool])? {
        (
            try encode(text),
            text.utf8.indices.map { index in
                let place = text.utf8.distance(from: text.startIndex, to: index)
                return marked.contains { $0.contains(place) }
            }
        )
    }
}
