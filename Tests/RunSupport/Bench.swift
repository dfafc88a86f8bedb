import Calibration
import Checkpoints
import Decoders
import Faults
import Foundation
import Pruning
import Randomness
import Recipes
import Runs
import TestSupport
import Torch

/// A tiny model, calibration tokens for it, and a place for outputs.
public final class Bench {
    public let model: TemporaryFolder
    public let work: TemporaryFolder
    /// That recipes can name.
    public var methods = MethodRegistry.standard

    public static let vocabulary = 64

    /// - Parameter change: of the tiny model: 2 layers, hidden 16, MLP 24, tied, float32.
    public init(tokens: [[Int32]] = Bench.rows(), _ change: (inout TinyModel) -> Void = { _ in }) throws {
        Engine.setThreads(1)
        model = try TemporaryFolder()
        work = try TemporaryFolder()
        var tiny = TinyModel()
        tiny.vocabulary = Bench.vocabulary
        tiny.hasTokenizer = false
        change(&tiny)
        try tiny.write(to: model)
        try writeTokens(tokens)
    }

    public static func rows(_ count: Int = 16, _ length: Int = 12, seed: UInt64 = 5) -> [[Int32]] {
        var generator = SplitMix64(seed: seed)
        return (0..<count).map { _ in
            (0..<length).map { _ in Int32(truncatingIfNeeded: generator.next() % UInt64(vocabulary)) }
        }
    }

    public var tokenFile: String { work.path + "/tokens.safetensors" }

    public func writeTokens(_ rows: [[Int32]]) throws {
        let writer = try SafetensorsWriter(
            tokenFile, [TensorDescription(name: "tokens", shape: [rows.count, rows.first?.count ?? 0], type: .i32)])
        try writer.write("tokens", rows.flatMap { $0 }.withUnsafeBytes { Array($0) })
        _ = try writer.finish()
    }

    public func path(_ name: String) -> String { work.path + "/" + name }

    public func settings(_ output: String, _ change: (inout PruneRecipe) -> Void = { _ in }) throws -> PruneSettings {
        var recipe = PruneRecipe()
        recipe.model = model.path
        recipe.output = path(output)
        recipe.calibration = [tokenFile]
        recipe.samples = 16
        recipe.device = .cpu
        recipe.dtype = .float32
        change(&recipe)
        return try recipe.resolved(methods)
    }

    public func context(_ settings: PruneSettings, compute: DType = .float32) throws -> PruneContext {
        let decoder = try Decoder(try Checkpoint.open(settings.model))
        var sources: [CalibrationSource] = []
        for text in settings.calibration { sources.append(try CalibrationSource(parsing: text)) }
        let set =
            sources.isEmpty
            ? nil
            : try CalibrationBuilder(
                CalibrationRequest(
                    sources: sources, samples: settings.samples, sequenceLength: settings.sequenceLength,
                    seed: settings.seed, contextLength: decoder.configuration.contextLength,
                    vocabularySize: decoder.configuration.vocabularySize),
                tokenizer: NoTokenizer(), chat: .missing
            ).build()
        return try PruneContext(settings, decoder: decoder, compute: compute, calibration: set, methods: methods)
    }

    public func context(_ output: String, _ change: (inout PruneRecipe) -> Void = { _ in }) throws -> PruneContext {
        try context(try settings(output, change))
    }

    @discardableResult
    public func prune(
        _ output: String, _ change: (inout PruneRecipe) -> Void = { _ in }, events: @escaping EventHandler = { _ in }
    ) throws -> RunResult {
        try PruneRun(try context(output, change), events: events).start()
    }

    /// What `espalier resume` does; nil when there was nothing left to do.
    @discardableResult
    public func resume(_ output: String) throws -> RunResult? {
        guard let settings = try PruneRun.interrupted(output: path(output), methods: methods) else { return nil }
        return try PruneRun(try context(settings)).resume()
    }

    /// Every file of a folder by name.
    public func files(_ name: String) throws -> [String: Data] { try Folder.files(path(name)) }

    public func copy(_ name: String, to other: String) throws {
        try? FileManager.default.removeItem(atPath: path(other))
        try FileManager.default.copyItem(atPath: path(name), toPath: path(other))
    }

    public func remove(_ name: String) { try? FileManager.default.removeItem(atPath: path(name)) }

    public func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }
}

public enum Folder {
    public static func files(_ path: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            files[name] = try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))
        }
        return files
    }

    /// Names of the files that are not the same in both.
    public static func differences(_ a: [String: Data], _ b: [String: Data]) -> [String] {
        Set(a.keys).union(b.keys).filter { a[$0] != b[$0] }.sorted()
    }
}

/// Token files need none.
public struct NoTokenizer: TextTokenizer {
    public init() {}
    public var beginningToken: Int32? { nil }
    public var endToken: Int32? { nil }
    public func encode(_ text: String) throws(Fault) -> [Int32] { [] }
}

/// The fault that `body` throws, if it throws one.
public func fault(_ body: () throws -> Void) -> Fault? {
    do {
        try body()
        return nil
    } catch { return error as? Fault }
}

extension LinearName {
    public static let ofLlama: [LinearName] = [.q, .k, .v, .o, .gate, .up, .down]
}
