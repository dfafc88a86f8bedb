import Foundation
import JSONText
import Testing

@testable import Tokenization

/// Ids and texts against those of the `tokenizers` package.
@Suite struct ReferenceTests {
    static let families = [
        "gpt2", "smollm", "llama2", "llama3", "mistral", "qwen2", "options", "prefix-space", "tekken",
    ]

    @Test(arguments: families) func `ids and decoded texts equal the reference`(family: String) throws {
        try ReferenceTests.compare(try Fixture.tokenizer(family), with: family)
    }

    @Test(arguments: families) func `streamed parts join to the decoded text`(family: String) throws {
        let tokenizer = try Fixture.tokenizer(family)
        for decoding in try #require(try Fixture.json("\(family).expected.json").member("decodings").arrayValue) {
            var decoder = tokenizer.makeStreamingDecoder(skipSpecialTokens: true)
            let parts = try decoding.member("ids").ids().map { decoder.append($0) }
            let text = try #require(try decoding.member("skipped").stringValue)
            #expect((parts.joined() + decoder.finish()).utf8.elementsEqual(text.utf8))
        }
    }

    static let storiesPath = ProcessInfo.processInfo.environment["ESPALIER_TEST_DATA"].map {
        $0 + "/models/stories260K/hf/tokenizer.json"
    }
    static let textPath = ProcessInfo.processInfo.environment["ESPALIER_TEST_DATA"].map {
        $0 + "/data/wikitext-2-raw/wiki.test.raw"
    }
    static let modelPath = ProcessInfo.processInfo.environment["ESPALIER_TEST_MODEL"].map { $0 + "/tokenizer.json" }

    @Test(.enabled(if: storiesPath != nil, "set ESPALIER_TEST_DATA"))
    func `a published character model gives the reference's ids`() throws {
        let path = try #require(ReferenceTests.storiesPath)
        let tokenizer = try Tokenizer(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
        #expect(tokenizer.vocabularySize == 512)
        #expect(tokenizer.prefixIDs == [1])
        try ReferenceTests.compare(tokenizer, with: "stories260k")
    }

    @Test(.enabled(if: modelPath != nil, "set ESPALIER_TEST_MODEL to a SmolLM2 folder"))
    func `SmolLM2's tokenizer gives the reference's ids`() throws {
        let path = try #require(ReferenceTests.modelPath)
        let tokenizer = try Tokenizer(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
        #expect(tokenizer.vocabularySize == 49152)
        #expect(tokenizer.prefixIDs.isEmpty)
        try ReferenceTests.compare(tokenizer, with: "smollm2")
        guard let textPath = ReferenceTests.textPath else { return }
        let text = try String(contentsOfFile: textPath, encoding: .utf8)
        let ids = tokenizer.encode(text, addSpecialTokens: true)
        #expect(ids.count == 303_415)
        #expect(tokenizer.decode(ids, skipSpecialTokens: false) == text)
    }

    private static func compare(_ tokenizer: Tokenizer, with family: String) throws {
        let expected = try Fixture.json("\(family).expected.json")
        let plain = try #require(try expected.member("plain").arrayValue)
        let special = try #require(try expected.member("special").arrayValue)
        var encoder = tokenizer.makeEncoder()
        for (index, text) in try Fixture.texts().enumerated() {
            #expect(
                encoder.encode(text, addSpecialTokens: false) == (try plain[index].ids()), "\(text.debugDescription)")
            #expect(tokenizer.encode(text, addSpecialTokens: true) == (try special[index].ids()))
        }
        for decoding in try #require(try expected.member("decodings").arrayValue) {
            let ids = try decoding.member("ids").ids()
            for (key, skips) in [("text", false), ("skipped", true)] {
                let text = try #require(try decoding.member(key).stringValue)
                #expect(tokenizer.decode(ids, skipSpecialTokens: skips).utf8.elementsEqual(text.utf8), "\(ids)")
            }
        }
    }
}
