import Faults
import JSONText
import Testing

@testable import Tokenization

/// A file cannot ask for more memory or time than its texts warrant.
@Suite struct GrowthTests {
    private static func replace(_ pattern: String, _ content: String) -> JSONValue {
        .object([
            "type": .string("Replace"), "pattern": .object(["String": .string(pattern)]), "content": .string(content),
        ])
    }

    private static func sequence(_ key: String, _ steps: [JSONValue]) -> JSONValue {
        .object(["type": .string("Sequence"), key: .array(steps)])
    }

    private static func fault(_ changes: [String: JSONValue]) throws -> Fault? {
        var json = try JSONValue(parsing: RefusalTests.valid)
        for (path, value) in changes { json = try json.with(path, value) }
        do throws(Fault) {
            _ = try Tokenizer(json: json)
            return nil
        } catch { return error }
    }

    @Test(arguments: [("normalizer", "normalizers"), ("decoder", "decoders")])
    func `steps that double a text over and over are refused`(place: String, key: String) throws {
        let doubling = GrowthTests.sequence(key, Array(repeating: GrowthTests.replace("a", "aa"), count: 34))
        let fault = try #require(try GrowthTests.fault([place: doubling]))
        #expect(fault.kind == .badData)
        #expect(fault.place == place)
        // Three of them are no matter.
        let few = GrowthTests.sequence(key, Array(repeating: GrowthTests.replace("a", "aa"), count: 3))
        #expect(try GrowthTests.fault([place: few]) == nil)
    }

    @Test func `steps that feed each other are refused`() throws {
        let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
        let chain = zip(letters, letters.dropFirst()).map { GrowthTests.replace($0, $1 + $1) }
        #expect(try GrowthTests.fault(["normalizer": GrowthTests.sequence("normalizers", chain)]) != nil)
        // The other way round none meets what another wrote.
        let apart = GrowthTests.sequence("normalizers", chain.reversed())
        #expect(try GrowthTests.fault(["normalizer": apart]) == nil)
    }

    @Test func `one step that writes a long text for a letter is refused`() throws {
        let long = GrowthTests.replace("a", String(repeating: "a", count: 129))
        #expect(try GrowthTests.fault(["normalizer": long])?.place == "normalizer")
        #expect(try GrowthTests.fault(["decoder": long])?.place == "decoder")
        let prepend: JSONValue = .object([
            "type": .string("Prepend"), "prepend": .string(String(repeating: "a", count: 128)),
        ])
        #expect(try GrowthTests.fault(["normalizer": prepend])?.place == "normalizer")
    }

    @Test func `pre-tokenizers that double pieces over and over are refused`() throws {
        let bytes = try JSONValue(parsing: #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}"#)
        let cut = try JSONValue(
            parsing: #"{"type": "Split", "pattern": {"Regex": "[^\\n]"}, "behavior": "Isolated", "invert": false}"#)
        let marks = try ["x", "y"].map { try JSONValue(parsing: #"{"type": "Metaspace", "replacement": "\#($0)"}"#) }
        for steps in [
            Array(repeating: bytes, count: 20),
            Array(repeating: [marks[0], cut, marks[1], cut], count: 10).flatMap { $0 },
        ] {
            let sequence = GrowthTests.sequence("pretokenizers", steps)
            #expect(try GrowthTests.fault(["pre_tokenizer": sequence])?.place == "pre_tokenizer")
        }
    }

    @Test func `too many steps are refused, as many as allowed work`() throws {
        let cut = try JSONValue(parsing: #"{"type": "Digits", "individual_digits": false}"#)
        let allowed = GrowthTests.sequence("pretokenizers", Array(repeating: cut, count: 128))
        let tokenizer = try Tokenizer(json: try JSONValue(parsing: RefusalTests.valid).with("pre_tokenizer", allowed))
        #expect(tokenizer.encode("ab7a", addSpecialTokens: false) == [2, 0])
        for (place, key, step) in [
            ("pre_tokenizer", "pretokenizers", cut), ("normalizer", "normalizers", GrowthTests.replace("x", "y")),
            ("decoder", "decoders", GrowthTests.replace("x", "y")),
        ] {
            let steps = GrowthTests.sequence(key, Array(repeating: step, count: 129))
            #expect(try GrowthTests.fault([place: steps])?.place == place)
        }
    }

    /// What published tokenizers have: Llama 2, Gemma, T5, XLM-R, and byte-level ones.
    @Test func `published chains stay far below the limit`() throws {
        let mark = Array("▁".utf8)
        let space = [UInt8(ascii: " ")]
        let metaspace = try Metaspace(Component(.object([:]), place: ""))
        let chains: [([Normalizer], [PreTokenizer])] = [
            ([.prepend(mark), .replace(space, with: mark)], []), ([.replace(space, with: mark)], []),
            ([.nfc], [.digits(individual: true), .byteLevel(addsPrefixSpace: true, splits: true)]),
        ]
        for (normalizers, preTokenizers) in chains {
            var growth = Growth()
            growth.take(normalizers)
            growth.take(preTokenizers)
            #expect(growth.factor + growth.added <= 32)
        }
        for preTokenizers: [PreTokenizer] in [[.metaspace(metaspace)], [.whiteSpace, .metaspace(metaspace)]] {
            var growth = Growth()
            // SentencePiece's own table writes 33 bytes for three, U+FDFA.
            growth.multiply(by: 11)
            growth.take([.replaceBlanks(.runs, with: mark)])
            growth.take(preTokenizers)
            #expect(growth.factor + growth.added <= 70)
        }
    }

    @Test func `tokens, patterns, templates and counts have bounds`() throws {
        let long = String(repeating: "b", count: Tokenizer.longestToken + 1)
        var model = try JSONValue(parsing: RefusalTests.valid).member("model")
        model = try model.with(
            "vocab", .object(["a": .integer(0), "b": .integer(1), "ab": .integer(2), long: .integer(3)]))
        let vocabulary = try GrowthTests.fault(["model": model, "added_tokens": .array([])])
        #expect(vocabulary?.place == "model.vocab, id 3")
        let pattern = GrowthTests.replace(String(repeating: "b", count: 257), "c")
        #expect(try GrowthTests.fault(["normalizer": pattern])?.place == "normalizer.pattern")
        let token: JSONValue = .object(["SpecialToken": .object(["id": .string("x")])])
        let template: JSONValue = .object([
            "type": .string("TemplateProcessing"),
            "single": .array(
                Array(repeating: token, count: 5) + [.object(["Sequence": .object(["id": .string("A")])])]),
            "special_tokens": .object([
                "x": .object(["ids": .array(Array(repeating: .integer(0), count: 300))])
            ]),
        ])
        #expect(try GrowthTests.fault(["post_processor": template])?.found?.contains("1024") == true)
        let added: [JSONValue] = (0..<2100).map {
            let number = String($0)
            return .object([
                "id": .integer(3 + $0), "special": .bool(true),
                "content": .string(String(repeating: "c", count: 4096 - number.count) + number),
            ])
        }
        #expect(try GrowthTests.fault(["added_tokens": .array(added)])?.place == "added_tokens")
        for (count, isAllowed) in [(0, true), (1024, true), (1025, false), (-1, false)] {
            let strip = try JSONValue(
                parsing: #"{"type": "Strip", "content": "a", "start": \#(count), "stop": \#(count)}"#)
            let fault = try GrowthTests.fault(["decoder": strip])
            #expect(
                (fault == nil) == isAllowed && (isAllowed || fault?.place?.hasPrefix("decoder") == true), "\(count)")
        }
        #expect(SplitPattern(regex: "a{65}") == nil)
        #expect(SplitPattern(regex: "a{1,65}") == nil)
        #expect(SplitPattern(regex: String(repeating: "[a]", count: 65)) == nil)
        #expect(SplitPattern(regex: "[a]{1,64}") != nil)
    }

    @Test func `ids handed out in parts are those of the whole text`() throws {
        let words = try Fixture.tokenizer("llama3")
        let text = (0..<30_000).map { "word \($0)" }.joined(separator: "\n")
        let whole = words.encode(text, addSpecialTokens: false)
        var encoder = words.makeEncoder()
        var parts: [[Int32]] = []
        encoder.encode(text) { parts.append($0) }
        #expect(parts.count > 1 && parts.flatMap { $0 } == whole)
        #expect(parts.allSatisfy { !$0.isEmpty && $0.count < 1 << 17 })
        // The encoder holds nothing back, and goes on as before.
        encoder.encode("") { parts.append($0) }
        #expect(parts.flatMap { $0 } == whole)
        #expect(encoder.encode("word 1", addSpecialTokens: false) == words.encode("word 1", addSpecialTokens: false))
    }
}
