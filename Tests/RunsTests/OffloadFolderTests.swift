import Faults
import Foundation
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
}
