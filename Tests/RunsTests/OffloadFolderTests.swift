import Faults
import Foundation
import Recipes
import Settings
import RunSupport
import Testing

@testable import Runs

@Suite("The offload folder")
struct OffloadFolderTests {
    @Test("that is not there, or is a file, is told before anything is written", arguments: ["nowhere", "file"])
    func missing(name: String) throws {
        let bench = try Bench()
        try Data("x".utf8).write(to: URL(fileURLWithPath: bench.path("file")))
        let settings = try bench.settings("out") {
            $0.method = "wanda"
            $0.offload = bench.path(name)
        }
        let found = try #require(fault { try PruneRun.check(settings) })
        #expect(found.kind == (name == "file" ? .badData : .missingInput) && found.place == "--offload")
        #expect(!bench.exists("out.partial"))
    }

    @Test(
        "states beyond the memory go to the disk, and change nothing",
        arguments: ["wanda", "wanda++", "tyr", "wanda search"])
    func memory(arm: String) throws {
        let bench = try Bench { $0.layers = 3 }
        let change: (inout PruneRecipe) -> Void = {
            $0.method = String(arm.split(separator: " ")[0])
            if arm == "tyr" { $0.effort = .quick }
            if arm == "wanda search" { $0.allocation = .search }
        }
        let little = try ByteSize(parsing: "1KB")
        let context = try bench.context("out") {
            change(&$0)
            $0.memory = little
        }
        var run = context.run
        run.scratch = bench.work.path
        #expect(run.memoryLeft == 0 && run.place(1) == .folder(bench.work.path))
        #expect(run.statesPlace(1) == .folder(bench.work.path) && run.memoryLimitBytes == 1000)
        try bench.prune("plenty", change)
        try bench.prune("out") {
            change(&$0)
            $0.memory = little
        }
        let (found, whole) = (try bench.files("out"), try bench.files("plenty"))
        #expect(found.keys.sorted() == whole.keys.sorted())
        #expect(found["model.safetensors"] == whole["model.safetensors"])
        let recipe = String(decoding: try #require(found["recipe.yaml"]), as: UTF8.self)
        #expect(try PruneRecipe(yaml: recipe, file: "recipe.yaml").memory == little)
    }

    @Test("the tokens of a batch are those of the recipe, which is published")
    func batch() throws {
        let bench = try Bench()
        #expect(try bench.context("out").run.batch == 2048 / 12)
        let context = try bench.context("out") { $0.batchTokens = 40 }
        #expect(context.run.batch == 3)
        #expect(try bench.context("out") { $0.batchTokens = 1 }.run.batch == 1)
        try bench.prune("out") { $0.batchTokens = 40 }
        let recipe = String(decoding: try #require(try bench.files("out")["recipe.yaml"]), as: UTF8.self)
        #expect(try PruneRecipe(yaml: recipe, file: "recipe.yaml").batchTokens == 40)
    }
}
