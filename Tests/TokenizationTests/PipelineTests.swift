import JSONText
import Testing

@testable import Tokenization

/// Pre-tokenizers against those of the `tokenizers` package; the fixture is made by Interop/make_pipeline_fixtures.py.
@Suite struct PipelineTests {
    static let names: [String] = ((try? Fixture.json("pipelines.json").member("cases"))?.arrayValue ?? []).compactMap {
        $0.objectValue?["name"]?.stringValue
    }

    @Test func `the fixture is there`() { #expect(PipelineTests.names.count > 12) }

    private func load(_ name: String) throws -> (tokenizer: Tokenizer, expected: [JSONValue]) {
        let file = try Fixture.json("pipelines.json")
        let one = try #require(
            try file.member("cases").arrayValue?.first { $0.objectValue?["name"]?.stringValue == name })
        let tokenizer = try Tokenizer(
            json: .object([
                "model": try file.member("model"), "pre_tokenizer": try one.member("pre_tokenizer"), "decoder": .null,
            ]))
        return (tokenizer, try #require(try one.member("ids").arrayValue))
    }

    @Test(arguments: names) func `text is cut as the reference cuts it`(name: String) throws {
        let (tokenizer, expected) = try load(name)
        let texts = try Fixture.texts()
        // The fixture holds the ids of the first texts.
        #expect(expected.count > 60 && expected.count <= texts.count)
        var encoder = tokenizer.makeEncoder()
        for (text, ids) in zip(texts, expected) {
            #expect(encoder.encode(text, addSpecialTokens: false) == (try ids.ids()), "\(text.debugDescription)")
        }
    }

    @Test func `Punctuation cuts at the reference's signs`() throws {
        var signs = Set<UInt32>()
        for range in try #require(try Fixture.json("pipelines.json").member("punctuation").arrayValue) {
            let ends = try range.ids().map { UInt32($0) }
            signs.formUnion(ends[0]...ends[1])
        }
        #expect(signs.count > 700)
        let found = Set((UInt32(0)...0x10FFFF).filter { isPunctuation($0) })
        #expect(found == signs)
    }

    /// A file's pattern can make the time no worse than linear in the text.
    @Test(arguments: names) func `long runs take no quadratic time`(name: String) throws {
        let tokenizer = try load(name).tokenizer
        let clock = ContinuousClock()
        for unit in [" ", "a", "1", "!", "\n", "Aa", " \n", "é", "'", "a "] {
            let text = String(repeating: unit, count: 60_000 / unit.utf8.count)
            #expect(clock.measure { _ = tokenizer.encode(text, addSpecialTokens: false) } < .seconds(10))
        }
    }
}
