import Files
import Testing

@testable import Tokenization

/// Words that nothing cuts are made into tokens window by window; the ids are those of the whole.
@Suite struct LongWordTests {
    /// A table learnt as merges are, each after those that make its parts, and its symbols: `letters` of them first.
    private static func table(_ seed: UInt64, letters: Int, merges: Int) -> (table: MergeTable, symbols: Int) {
        var generator = SeededGenerator(seed: seed)
        var table = MergeTable(capacity: merges)
        var pairs: Set<[Int32]> = []
        var symbols = letters
        for rank in 0..<merges {
            // Mostly of the newest symbols, so that tokens get long.
            func part() -> Int32 {
                let low = Bool.random(using: &generator) ? 0 : max(0, symbols - 4)
                return Int32(Int.random(in: low..<symbols, using: &generator))
            }
            let pair = [part(), part()]
            guard pairs.insert(pair).inserted else { continue }
            table.insert(pair[0], pair[1], rank: UInt32(rank), merged: Int32(symbols))
            symbols += 1
        }
        return (table, symbols)
    }

    private static func windowed(
        _ word: [Int32], _ size: Int, _ table: MergeTable, _ symbols: Int
    ) -> (tokens: [Int32], parts: Int)? {
        var merger = WordMerger()
        var at = 0
        var tokens: [Int32] = []
        var parts = 0
        let isDone = merger.mergeInWindows(of: size, with: table, symbolCount: symbols) { waiting, count in
            let more = max(0, min(count - waiting.count, word.count - at))
            waiting += word[at..<at + more]
            at += more
            return at < word.count
        } take: { part in
            tokens += part
            parts += 1
        }
        return isDone ? (tokens, parts) : nil
    }

    @Test(arguments: [1, 2, 3, 6]) func `merging in windows gives what merging the whole gives`(letters: Int) throws {
        var cut = 0
        for seed in UInt64(0)..<60 {
            let (table, symbols) = LongWordTests.table(seed, letters: letters, merges: 4 + Int(seed) % 40)
            var generator = SeededGenerator(seed: seed)
            let length = Int.random(in: 60...400, using: &generator)
            let word = (0..<length).map { _ in Int32(Int.random(in: 0..<letters, using: &generator)) }
            var whole = WordMerger()
            whole.symbols = word
            whole.merge(with: table)
            for size in [1, 7, 50] {
                let found = try #require(LongWordTests.windowed(word, size, table, symbols))
                #expect(found.tokens == whole.symbols, "seed \(seed), windows of \(size)")
                cut += found.parts > 1 ? 1 : 0
            }
        }
        #expect(cut > 100)
    }

    @Test func `a letter a hundred thousand times is merged in windows`() throws {
        var table = MergeTable(capacity: 8)
        for level in Int32(0)..<8 { table.insert(level, level, rank: UInt32(level), merged: level + 1) }
        let found = try #require(
            LongWordTests.windowed([Int32](repeating: 0, count: 100_003), 1000, table, 9))
        #expect(found.tokens == [Int32](repeating: 8, count: 390) + [7, 5, 1, 0])
        #expect(found.parts > 90)
    }

    @Test func `merges before those that make their parts are not merged in windows`() {
        var table = MergeTable(capacity: 2)
        table.insert(2, 1, rank: 0, merged: 3)
        table.insert(0, 1, rank: 1, merged: 2)
        #expect(MergeOrder(table, symbols: 4) == nil)
        #expect(LongWordTests.windowed([0, 1, 1, 0, 1, 1], 2, table, 4) == nil)
        // Nor those beside, which the heap would take in turn with it.
        var doubled = MergeTable(capacity: 2)
        doubled.insert(0, 0, rank: 1, merged: 1)
        doubled.insert(1, 0, rank: 1, merged: 2)
        #expect(MergeOrder(doubled, symbols: 3) == nil)
    }

    @Test(arguments: ["gpt2", "llama2", "llama3", "mistral", "qwen2", "smollm", "tekken"])
    func `a text without blanks has the ids that it has in one piece`(name: String) throws {
        let tokenizer = try Fixture.tokenizer(name)
        guard case .bpe(let model) = tokenizer.model else { return }
        #expect(MergeOrder(model.merges, symbols: tokenizer.vocabularySize) != nil)
        var generator = SeededGenerator(seed: 11)
        let parts = ["once", "upon", "atime", "é", "漢字", "the", "ing", "th", "a", "e", "Я", "\u{1F600}"]
        var text = ""
        while text.utf8.count < 20_000 { text += parts.randomElement(using: &generator) ?? "" }
        func ids(_ window: Int) -> [Int32] {
            var merger = WordMerger()
            var ids: [Int32] = []
            Array(text.utf8).withUnsafeBufferPointer { model.encode($0, window: window, merger: &merger, to: &ids) }
            return ids
        }
        let whole = ids(.max)
        for window in [100, 3000] { #expect(ids(window) == whole, "windows of \(window)") }
    }

    /// As SentencePiece's: every division of a token into two is a merge, ranked by the whole.
    @Test func `a word of merges in no order is cut where no token stands`() throws {
        var cut = 0
        for seed in UInt64(0)..<80 {
            var generator = SeededGenerator(seed: seed)
            let letters = ["a", "b", "é", "漢"].prefix(2 + Int(seed % 3))
            var tokens = ["<unk>", "<0x3F>"] + letters
            while tokens.count < 14 {
                let pair = (0..<2).map { _ in tokens[Int.random(in: 2..<tokens.count, using: &generator)] }.joined()
                if pair.unicodeScalars.count < 5, !tokens.contains(pair) { tokens.append(pair) }
                if letters.count < 2 { break }
            }
            let ids = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, Int32($0)) })
            var merges = MergeTable(capacity: 100)
            var rank: UInt32 = 0
            for whole in tokens.dropFirst(2 + letters.count).shuffled(using: &generator) {
                for place in whole.indices.dropFirst() {
                    guard let left = ids[String(whole[..<place])], let right = ids[String(whole[place...])] else {
                        continue
                    }
                    merges.insert(left, right, rank: rank, merged: ids[whole] ?? 0)
                    rank += 1
                }
            }
            var fallback = [Int32](repeating: -1, count: 256)
            fallback[0x3F] = 1
            let model = BPEModel(
                vocabulary: try Vocabulary(
                    tokens: tokens, isInModel: [Bool](repeating: true, count: tokens.count)),
                merges: merges, alphabet: .scalars, unknown: 0, fusesUnknown: true, fallback: fallback,
                ignoresMerges: false, boundary: nil)
            let word = Array(
                (0..<600).map { _ in
                    Int.random(in: 0..<12, using: &generator) == 0
                        ? ["?", "x", "xx"].randomElement(using: &generator) ?? ""
                        : letters.randomElement(using: &generator) ?? ""
                }.joined().utf8)
            func encoded(_ window: Int) -> [Int32] {
                var merger = WordMerger()
                var ids: [Int32] = []
                word.withUnsafeBufferPointer { model.encode($0, window: window, merger: &merger, to: &ids) }
                if window < .max, case .some(.some) = merger.tokens { cut += 1 }
                return ids
            }
            let whole = encoded(.max)
            for window in [20, 100, 333] { #expect(encoded(window) == whole, "seed \(seed), windows of \(window)") }
        }
        #expect(cut > 60)
    }

    @Test func `the place where a word is cut is the last that no token stands over`() throws {
        let tokens = ["a", "b", "ab", "c", "bc"]
        let vocabulary = try Vocabulary(tokens: tokens, isInModel: [Bool](repeating: true, count: 5))
        let sorted = SortedTokens(vocabulary, ids: vocabulary.modelIDs)
        func place(_ text: String, from start: Int = 0, to end: Int) -> Int? {
            Array(text.utf8).withUnsafeBufferPointer {
                sorted.lastUncrossed(in: $0, from: start, to: end, stretch: 100)
            }
        }
        #expect(place("acabcb", to: 6) == 5 && place("acabcb", to: 5) == 2 && place("acabcb", to: 2) == 1)
        // Beside what is no token nothing is cut, and nothing at the start.
        #expect(place("axcabc", to: 6) == 3 && place("axab", to: 4) == nil && place("abcabc", from: 3, to: 6) == nil)
    }

    @Test func `the best way through a long word is found in windows`() throws {
        for seed in UInt64(0)..<60 {
            var generator = SeededGenerator(seed: seed)
            var tokens: [String] = ["<unk>"]
            while tokens.count < 20 {
                let token = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                    ["a", "b", "é"].randomElement(using: &generator) ?? ""
                }.joined()
                if !tokens.contains(token) { tokens.append(token) }
            }
            let vocabulary = try Vocabulary(
                tokens: tokens, isInModel: [Bool](repeating: true, count: tokens.count))
            let scores = tokens.map { _ in -Double.random(in: 1...9, using: &generator) }
            let model = UnigramModel(vocabulary: vocabulary, scores: scores, unknown: 0, fallback: nil)
            let letters = seed.isMultiple(of: 2) ? ["a", "b", "é"] : ["a", "b", "é", "?"]
            let word = Array((0..<300).map { _ in letters.randomElement(using: &generator) ?? "" }.joined().utf8)
            word.withUnsafeBufferPointer { word in
                var whole: [Int32] = []
                model.encode(word, window: .max, to: &whole)
                for window in [1, 5, 40] {
                    var ids: [Int32] = []
                    model.encode(word, window: window, to: &ids)
                    #expect(ids == whole, "seed \(seed), windows of \(window)")
                }
            }
        }
    }

    @Test(.enabled(if: Machine.peakMemoryBytes > 0)) func `a word of megabytes takes a fraction of what it took`() async
    {
        await #expect(processExitsWith: .success) {
            let tokenizer = try Fixture.tokenizer("llama2")
            let text = String(repeating: "onceuponatimé", count: (1 << 20) / 14)
            var encoder = tokenizer.makeEncoder()
            var count = 0
            _ = encoder.encode(String(text.prefix(200_000)), addSpecialTokens: false)
            try #require(Machine.resetPeakMemory())
            let before = Machine.peakMemoryBytes
            encoder.encode(text) { count += $0.count }
            let taken = Machine.peakMemoryBytes - before
            // The normalised text, the ids, and a window; it was some 40 times the text.
            try #require(count > 100_000 && taken < 3 * text.utf8.count + 8 << 20, "\(taken) bytes")
        }
    }
}
