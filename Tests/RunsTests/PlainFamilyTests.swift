import Checkpoints
import Decoders
import Foundation
import JSONText
import RunSupport
import TestSupport
import Testing

@testable import Runs

struct PlainFamilyTests {
    @Test(arguments: [(64, 8, true), (64, 6, false), (64, 0, true), (576, 6, true), (576, 7, false)])
    func headsThatDivideTheHiddenSizeOpen(hidden: Int, heads: Int, opens: Bool) {
        #expect(PlainFamily.opens(.llama, hidden: hidden, heads: heads) == opens)
        #expect(PlainFamily.opens(.gemma3, hidden: hidden, heads: heads) == opens)
        #expect(PlainFamily.opens(.qwen2, hidden: hidden, heads: heads))
    }

    /// A Llama under Mistral's name computes the same, and one with biases has no other name.
    @Test func theOtherNameComputesTheSame() throws {
        let (folder, other) = (try TemporaryFolder(), try TemporaryFolder())
        try TinyModel().write(to: folder)
        var named = TinyModel()
        named.configuration = PlainFamily.edits.map { ($0.path[0], $0.value ?? .null) }
        try named.write(to: other)
        let model = try Decoder(try Checkpoint.open(other.path))
        #expect(model.configuration.family.name == "mistral")
        #expect(model.configuration.blueprint.layers.allSatisfy { $0.attention.window == nil })
        #expect(try loss(folder.path) == loss(other.path))
        #expect(PlainFamily.hasOtherName(try Decoder(try Checkpoint.open(folder.path)).configuration))
        var biased = TinyModel()
        biased.configuration = [("mlp_bias", .bool(true))]
        biased.extra = (0..<2).flatMap { layer in
            [("gate_proj", 24), ("up_proj", 24), ("down_proj", 16)].map {
                ("model.layers.\(layer).mlp.\($0.0).bias", [$0.1])
            }
        }
        let third = try TemporaryFolder()
        try biased.write(to: third)
        #expect(!PlainFamily.hasOtherName(try Decoder(try Checkpoint.open(third.path)).configuration))
    }
}
