import Faults
import Foundation
import Recipes
import RunSupport
import Testing

@testable import Runs

@Suite("Recovery runs that go on")
struct RecoverResumeTests: RecoverySuite {
    let bench: Bench

    init() throws { bench = try RecoveryBench.bench() }

    @Test("an abort at every step ends in the same bytes as none", arguments: [TrainedPart.all, .lora])
    func everyStep(trained: TrainedPart) throws {
        let copies = try copies {
            $0.trained = trained
            // A rate at which the last state is not the best.
            $0.learningRate = 0.05
            $0.decay = .constant
        }
        #expect(copies.count == 12)
        let whole = try bench.files("out")
        for copy in copies {
            bench.remove("out")
            try bench.copy(copy, to: "out.partial")
            let settings = try RecoverRun.interrupted(output: bench.path("out"))
            _ = try RecoverRun(try context(settings)).resume()
            #expect(Folder.differences(try bench.files("out"), whole) == [], "\(copy)")
            #expect(!bench.exists("out.partial"))
        }
    }

    @Test("a state that was changed is not gone on from")
    func damaged() throws {
        let copies = try copies { $0.steps = 6 }
        bench.remove("out")
        try bench.copy(copies[5], to: "out.partial")
        let name = try #require(try bench.files("out.partial").keys.first { $0.hasPrefix("state-4-1") })
        let path = bench.path("out.partial/" + name)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[bytes.count - 1] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let settings = try RecoverRun.interrupted(output: bench.path("out"))
        let found = fault { _ = try RecoverRun(try context(settings)).resume() }
        #expect(found?.kind == .badData && found?.file == path)
    }

    @Test("other text, another teacher or other threads do not go on")
    func changed() throws {
        let copies = try copies { $0.steps = 6 }
        bench.remove("out")
        try bench.copy(copies[5], to: "out.partial")
        try bench.writeTokens(Bench.rows(40, 12, seed: 6))
        let settings = try RecoverRun.interrupted(output: bench.path("out"))
        let found = fault { _ = try RecoverRun(try context(settings)).resume() }
        #expect(found?.kind == .usage && found?.summary.contains("the text's tokens") == true)
    }

    @Test("adapters that were written before a crash are published after it")
    func adaptersResumed() throws {
        func change(_ recipe: inout RecoverRecipe) {
            recipe.trained = .lora
            recipe.merge = AdapterMerge.none
            recipe.loss = .lm
            recipe.teacher = nil
            recipe.steps = 4
            recipe.checkEvery = 2
        }
        try recover("out", model: bench.model.path, change) { event in
            if case .note("writing the adapters") = event { try? bench.copy("out.partial", to: "copy") }
        }
        let whole = try bench.files("out")
        #expect(!(try bench.files("copy").keys.contains { $0.hasPrefix("state-") }))
        bench.remove("out")
        try bench.copy("copy", to: "out.partial")
        _ = try RecoverRun(try context(try RecoverRun.interrupted(output: bench.path("out")))).resume()
        #expect(Folder.differences(try bench.files("out"), whole) == [])
    }
}
