import Faults
import Foundation
import JSONText
import Testing

@testable import Calibration

@Suite("What calibration and evaluation texts share")
struct OverlapTests {
    /// Made by Interop/make_sketch_fixture.py.
    private func fixture() throws -> JSONObject {
        let url = try #require(
            Bundle.module.url(forResource: "sketch", withExtension: "json", subdirectory: "Fixtures"))
        return try #require(try JSONValue(parsing: Data(contentsOf: url)).objectValue)
    }

    @Test("words, hashes, sketch and overlap are those of an independent program")
    func reference() throws {
        let fixture = try fixture()
        let text = try #require(fixture["calibration"]?.stringValue)
        let words = TextWords.of(text).prefix(60).map { String(decoding: $0, as: UTF8.self) }
        #expect(words == fixture["words"]?.arrayValue?.compactMap(\.stringValue))
        var (calibration, evaluation) = (NGramSet(.words), NGramSet(.words))
        calibration.add(text)
        evaluation.add(try #require(fixture["evaluation"]?.stringValue))
        let sketch = CalibrationSketch(calibration)
        #expect(sketch.json.objectValue?["hashes"] == fixture["sketch"])
        let whole = try #require(calibration.overlap(with: evaluation))
        #expect(whole.total == fixture["total"]?.integerValue && whole.found == fixture["found"]?.integerValue)
        let read = try #require(CalibrationSketch(manifest: .object(["sketch": sketch.json])))
        #expect(read == sketch)
        let sampled = try #require(read.overlap(with: evaluation))
        #expect(sampled.total == fixture["sampled_total"]?.integerValue)
        #expect(sampled.found == fixture["sampled_found"]?.integerValue)
        // An estimate of the same share.
        #expect(sampled.found > 0 && abs(sampled.share - whole.share) < 0.2)

        var tokens = NGramSet(.tokens)
        tokens.add((fixture["tokens"]?.arrayValue?.compactMap(\.integerValue) ?? []).map { Int32($0) }[...])
        #expect(CalibrationSketch(tokens).json.objectValue?["hashes"] == fixture["token_sketch"])
        #expect(read.overlap(with: tokens) == nil)
    }

    @Test("a manifest without a sketch, or with one that is damaged, has none")
    func damaged() throws {
        var object = try #require(CalibrationSketch(NGramSet(.words)).json.objectValue)
        for (key, value) in [
            ("version", JSONValue.integer(2)), ("n", .integer(5)), ("of", .string("letters")),
            ("hashes", .string("!")), ("hashes", .string("AAAA")), ("one_in", .integer(1)),
        ] {
            let kept = object[key]
            object[key] = value
            #expect(CalibrationSketch(manifest: .object(["sketch": .object(object)])) == nil)
            object[key] = kept
        }
        #expect(CalibrationSketch(manifest: .object(["sketch": .object(object)])) != nil)
        #expect(CalibrationSketch(manifest: nil) == nil && CalibrationSketch(manifest: .object([:])) == nil)
    }

    @Test("shared runs with evaluation texts are counted and warned of while the calibration set is made")
    func builder() throws {
        let folder = try TestFolder()
        let path = try folder.writeTokens("t.safetensors", [Array(100..<140)])
        let other = try folder.writeTokens("other.safetensors", [Array(200..<240)])
        // 110 to 129: eight runs of 13, all known; then 20 tokens more, of which none is.
        let known = try folder.writeTokens("eval.safetensors", [Array(110..<130) + Array(500..<520)])
        let set = try build([path], samples: 1, length: nil, evaluation: [other, known])
        #expect(
            set.warnings == [
                "8 of 28 different runs of 13 tokens (28.57 %) of eval.safetensors are also in the calibration text; "
                    + "a figure measured on it may flatter the pruned model"
            ])
        let entries = try #require(set.manifest["overlap"]?.arrayValue)
        #expect(entries.map { $0.objectValue?["found"] } == [.integer(0), .integer(8)])
        #expect(set.manifest["sketch"]?.objectValue?["of"] == .string("tokens"))
    }

    @Test("texts too short to be compared are told")
    func short() throws {
        let folder = try TestFolder()
        let long = try folder.writeTokens("long.safetensors", [Array(100..<140)])
        let short = try folder.writeTokens("short.safetensors", [Array(100..<112)])
        let rows = try build([short], samples: 1, length: nil, evaluation: [long]).warnings
        #expect(rows.contains { $0.contains("nothing could be compared with long.safetensors") })
        let text = try build([long], samples: 1, length: nil, evaluation: [short]).warnings
        #expect(text.contains { $0.contains("short.safetensors has fewer than 13 tokens") })
    }
}
