import Checkpoints
import Decoders
import Faults
import Foundation
import JSONText
import TestSupport
import Testing

@testable import EspalierCommands
@testable import EspalierKit

struct InspectionTests {
    private func inspection(_ folder: TemporaryFolder, readsWeights: Bool = true) throws -> Inspection {
        try Inspection(folder.path, readsWeights: readsWeights, reporter: quiet)
    }

    @Test func parametersAreCountedByPart() throws {
        let found = try inspection(try model())
        let parts = Dictionary(uniqueKeysWithValues: found.parameters.map { ($0.part, $0.count) })
        #expect(parts[.embedding] == 258 * 16 && parts[.head] == 0)
        #expect(parts[.attention] == 2 * (2 * 16 * 16 + 2 * 8 * 16) && parts[.mlp] == 2 * 3 * 16 * 24)
        #expect(parts[.norms] == 5 * 16)
        #expect(found.totalParameters == found.checkpoint.parameterCount)
        let untied = try inspection(try model { $0.tied = false })
        #expect(untied.parameters.first { $0.part == .head }?.count == 258 * 16)
    }

    @Test func zerosAndPatternsAreFound() throws {
        let found = try inspection(
            try model {
                $0.edit = { name, values in
                    for index in values.indices {
                        // 2:4 in up; 4:8 in gate; half of a row, but no pattern, in k; one block only in o.
                        if name.contains("up_proj"), index % 4 < 2 { values[index] = 0 }
                        if name.contains("gate_proj"), index % 8 < 4 { values[index] = 0 }
                        if name.contains("k_proj"), index % 16 < 8 { values[index] = -0.0 }
                        if name.contains("layers.0.self_attn.o_proj"), index % 4 < 2 { values[index] = 0 }
                    }
                }
            })
        func scan(_ name: LinearName) throws -> WeightScan {
            try #require(found.linears.first { $0.name == name }?.scan)
        }
        #expect(try scan(.up).patterns == ["2:4", "4:8"] && scan(.up).zeroFraction == 0.5)
        #expect(try scan(.gate).patterns == ["4:8"])
        #expect(try scan(.k).patterns == [] && scan(.k).zeroFraction == 0.5)
        #expect(try scan(.o).patterns == [] && scan(.o).zeroFraction == 0.25)
        #expect(try scan(.q).zeros == 0)
        #expect(found.text.contains("2:4 4:8"))
    }

    @Test func aPatternNeedsWholeGroups() {
        #expect(!WeightScan([Float](repeating: 0, count: 12), columns: 6).holdsTwoOfFour)
        #expect(WeightScan([0, 1, 0, 1, 0, 0, 2, 0], columns: 4).patterns == ["2:4"])
        #expect(WeightScan([], columns: 4).patterns == [])
    }

    @Test func weightsThatAreNotNumbersAreListed() throws {
        let folder = try model {
            $0.edit = { name, values in
                if name == "model.layers.1.mlp.up_proj.weight" { values[3] = .nan }
                if name == "model.embed_tokens.weight" { values.replaceSubrange(0..<2, with: [.infinity, -.infinity]) }
            }
        }
        let found = try inspection(folder)
        let list = try #require(found.nonFinite)
        #expect(list.map(\.tensor) == ["model.embed_tokens.weight", "model.layers.1.mlp.up_proj.weight"])
        #expect(list.map(\.count) == [2, 1])
        #expect(found.text.contains("model.layers.1.mlp.up_proj.weight: 1"))
        #expect(try inspection(folder, readsWeights: false).nonFinite == nil)
    }

    @Test func theJSONHoldsWhatTheTableShows() throws {
        let json = try #require(try JSONValue(parsing: try inspection(try model()).json.text()).objectValue)
        #expect(json["family"]?.stringValue == "llama" && json["blocks"]?.integerValue == 2)
        #expect(json["parameters"]?.objectValue?["total"]?.integerValue == 8048)
        #expect(json["linears"]?.arrayValue?.count == 7)
        #expect(json["tokenizer"]?.objectValue?["tokens"]?.integerValue == 258)
        #expect(json["non_finite"]?.arrayValue?.isEmpty == true && json["tied_embeddings"]?.boolValue == true)
        let headers = try inspection(try model(), readsWeights: false).json.objectValue
        #expect(headers?["sparsity"]?.isNull == true && headers?["non_finite"]?.isNull == true)
    }

    @Test func tensorsThatTheModelDoesNotUseAreNamed() throws {
        let found = try inspection(try model { $0.extra = [("model.layers.0.rotary_emb.inv_freq", [2])] })
        #expect(found.warnings.contains { $0.contains("1 tensor that the model does not use: model.layers.0.rotary") })
    }

    @Test func aTokenizerThatCannotBeUsedIsAWarning() throws {
        let folder = try model()
        try folder.write("tokenizer.json", "{}")
        let found = try inspection(folder)
        #expect(found.tokenizer == nil && found.warnings.contains { $0.contains("tokenizer cannot be used") })
        let padded = try inspection(try model { $0.vocabulary = 320 })
        #expect(padded.warnings.contains { $0.contains("258 tokens and the model 320 embeddings") })
    }

    @Test func escapesInNamesDoNotReachTheTerminal() throws {
        let found = try inspection(try model { $0.extra = [("\u{1B}[31mred", [1])] })
        #expect(!Fault.harmless(found.warnings.joined()).contains("\u{1B}"))
    }
}
