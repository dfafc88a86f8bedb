import Calibration
import Faults
import JSONText
import Testing

@Suite("Packing and mixing")
struct PackingTests {
    /// Documents "a", "bb", "ccc" …, one a line.
    private func documents(_ range: ClosedRange<Unicode.Scalar>, in folder: TestFolder, _ name: String) throws -> String
    {
        let lines = (range.lowerBound.value...range.upperBound.value).compactMap { Unicode.Scalar($0) }.enumerated()
            .map { "{\"text\": \"" + String(repeating: String($1), count: $0 + 1) + "\"}\n" }
        return try folder.write(name, lines.joined())
    }

    @Test("rows hold whole documents one after another, each between BOS and EOS")
    func separators() throws {
        let folder = try TestFolder()
        let path = try documents("a"..."e", in: folder, "a.jsonl")
        let set = try build([path], samples: 5, length: 5)
        let joined = Array(set.rows.joined())
        #expect(joined.count == 25)
        #expect(joined.first == 1)
        let parts = joined.split(separator: 1).map { Array($0) }
        for part in parts {
            let letters = part.dropLast()
            #expect(part.last == 2)
            #expect(Set(letters).count == 1)
            #expect(letters.count == Int(letters.first ?? 0) - 96)
        }
        #expect(parts.count == 5)
    }

    @Test("a tokenizer without BOS and EOS gets no separators")
    func noSeparators() throws {
        let folder = try TestFolder()
        let path = try folder.write("a.txt", "abcdef")
        let bare = ScalarTokenizer(beginningToken: nil, endToken: nil)
        #expect(try build([path], samples: 1, length: 6, tokenizer: bare).rows == [[97, 98, 99, 100, 101, 102]])
    }

    @Test("where every sample begins with BOS it does so once, and the manifest says it")
    func beginnings() throws {
        let folder = try TestFolder()
        let path = try folder.write("a.txt", "abcdefg")
        let gemma = ScalarTokenizer(endToken: nil, rowBeginning: 1)
        let set = try build([path], samples: 2, length: 4, tokenizer: gemma)
        #expect(set.rows == [[1, 97, 98, 99], [1, 100, 101, 102]])
        #expect(set.manifest["bos"]?.boolValue == true && set.warnings.isEmpty)
        #expect(try build([path], samples: 1, length: 4).manifest["bos"] == nil)
        // A text that brings its own, as a template writes it.
        let own = try folder.write("own.txt", "\u{1}abcdefg")
        #expect(try build([own], samples: 2, length: 4, tokenizer: gemma).rows == set.rows)
        // Rows of token files stay as they are.
        let rows = try folder.writeTokens("t.safetensors", [[1, 5, 6], [7, 8, 9]])
        let kept = try build([rows], samples: 2, length: 3, tokenizer: gemma)
        #expect(kept.rows == [[1, 5, 6], [7, 8, 9]])
        #expect(kept.warnings.contains { $0.contains("1 of 2 rows") && $0.contains("BOS") })
    }

    @Test("the seed decides, and the same seed gives the same tokens and manifest")
    func seeds() throws {
        let folder = try TestFolder()
        let path = try documents("a"..."z", in: folder, "a.jsonl")
        let first = try build([path], samples: 8, seed: 1)
        let again = try build([path], samples: 8, seed: 1)
        let other = try build([path], samples: 8, seed: 2)
        #expect(first.tokens == again.tokens)
        #expect(first.manifest == again.manifest)
        #expect(first.tokens != other.tokens)
        #expect(first.tokens.digest != other.tokens.digest)
    }

    @Test("samples are split by weight, the largest remainder first, and mixed")
    func weights() throws {
        let folder = try TestFolder()
        let one = try folder.write("a.txt", String(repeating: "a", count: 400))
        let two = try folder.write("b.txt", String(repeating: "b", count: 400))
        let set = try build([one + "@2", two], samples: 8)
        #expect(set.sources.map { $0["samples"] } == [.integer(5), .integer(3)])
        #expect(set.rows.count { $0.contains(97) } == 5)
        #expect(set.rows.map { $0.contains(97) } != set.rows.map { $0.contains(97) }.sorted { $0 && !$1 })
        #expect(set.warnings.isEmpty)
    }

    @Test("no sample is drawn twice from a token file in a mixture")
    func withoutReplacement() throws {
        let folder = try TestFolder()
        let path = try folder.writeTokens("t.safetensors", (0..<20).map { [$0, $0] })
        let text = try folder.write("a.txt", String(repeating: "a", count: 99))
        let set = try build([path, text], samples: 20, length: nil)
        let rows = set.rows.filter { $0[0] < 20 && $0[0] == $0[1] }
        #expect(Set(rows).count == 10)
        #expect(rows != rows.sorted { $0[0] < $1[0] })
    }

    @Test("fewer samples than asked are a warning with numbers")
    func shortfall() throws {
        let folder = try TestFolder()
        let path = try folder.write("a.txt", "abcdefgh")
        let set = try build([path], samples: 4, length: 4)
        #expect(set.tokens.rows == 2)
        #expect(set.warnings == ["a.txt is long enough for only 2 of the 4 samples of 4 tokens"])
        #expect(set.manifest["samples_asked"] == .integer(4))
        #expect(set.manifest["samples"] == .integer(2))
    }

    @Test("text too short for one sample is refused with counts", arguments: ["", "\n\n", "ab\n\ncd"])
    func nothingLeft(text: String) throws {
        let folder = try TestFolder()
        let path = try folder.write("a.txt", text)
        let fault = try #require(faultOf { () throws(Fault) in try build([path], samples: 4, length: 32) })
        #expect(fault.kind == .badData)
        #expect(fault.file == path)
        #expect(fault.expected == "at least 32 tokens")
        #expect(fault.found?.contains("documents") == true)
    }

    @Test("the default length is 2048, capped by the model's context with a warning")
    func contextCap() throws {
        let folder = try TestFolder()
        let path = try folder.write("a.txt", String(repeating: "a", count: 5000))
        #expect(try build([path], samples: 1, length: nil, context: 4096).tokens.columns == 2048)
        let set = try build([path], samples: 1, length: nil, context: 512)
        #expect(set.tokens.columns == 512)
        #expect(
            set.warnings == ["the sequence length is 512 instead of 2048: the model's context is no longer than that"])
        // One that was asked for is not quietly another one.
        #expect(try build([path], samples: 1, length: 512, context: 512).tokens.columns == 512)
        let refused = try #require(
            faultOf { () throws(Fault) in try build([path], samples: 1, length: 513, context: 512) })
        #expect(refused.kind == .usage && refused.place == "--sequence-length")
        #expect(refused.found == "513 tokens" && refused.expected == "at most 512")
    }

    @Test("a tokenizer that knows more than the model is caught")
    func vocabulary() throws {
        let folder = try TestFolder()
        let path = try folder.write("a.txt", "aaaaaaaaaa")
        let fault = try #require(faultOf { () throws(Fault) in try build([path], vocabulary: 97) })
        #expect(fault.found == "id 97")
    }

    @Test("text that the model writes itself is packed like any other")
    func selfSampled() throws {
        struct Sampler: SelfSampler {
            func documents(tokenCount: Int, sequenceLength: Int, seed: UInt64) throws(Fault) -> [[Int32]] {
                [Array(repeating: 7, count: tokenCount - 1), [8, 9]]
            }
            func answers(
                length: Int, seed: UInt64, prompt: () throws(Fault) -> [Int32]?, take: ([Int32], Int) -> Double
            ) throws(Fault) {}
        }
        let set = try build(["self"], samples: 2, sampler: Sampler())
        #expect(set.rows == [[7, 7, 7, 7], [7, 7, 7, 8]])
        #expect(set.sources[0]["kind"] == .string("self"))
        #expect(faultOf { () throws(Fault) in try build(["self"]) }?.kind == .usage)
    }
}
