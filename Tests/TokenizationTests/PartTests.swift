import Testing

@testable import Tokenization

/// The parts of the pipeline on their own.
@Suite struct PartTests {
    /// The published example of the five behaviours.
    @Test(arguments: [
        (SplitBehavior.removed, ["the", "final", "countdown"]),
        (.isolated, ["the", "-", "final", "-", "-", "countdown"]),
        (.mergedWithPrevious, ["the-", "final-", "-", "countdown"]),
        (.mergedWithNext, ["the", "-final", "-", "-countdown"]),
        (.contiguous, ["the", "-", "final", "--", "countdown"]),
    ])
    func `a split treats its matches as the behaviour says`(behavior: SplitBehavior, pieces: [String]) {
        let text = Array("the-final--countdown".utf8)
        let matches = text.withUnsafeBufferPointer { $0.occurrences(of: [UInt8(ascii: "-")]) }
        let stretches = SplitBehavior.stretches(matches: matches, count: text.count, inverted: false)
        #expect(behavior.pieces(stretches).map { String(decoding: text[$0], as: UTF8.self) } == pieces)
    }

    @Test func `regular expressions are recognised by their exact text alone`() {
        #expect(
            SplitPattern(regex: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#) == .gpt2
        )
        #expect(SplitPattern(regex: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+"#) == nil)
        #expect(SplitPattern(regex: "") == nil)
    }

    @Test(arguments: [
        (SplitPattern.gpt2, ["I", "'m", " here", "  ", " 123", "'", "LL", "?!", "\n\n", "\n", "x"]),
        (.llama3, ["I", "'m", " here", "  ", " ", "123", "'LL", "?!\n\n\n", "x"]),
        (.tekken, ["I", "'m", " here", "  ", " ", "1", "2", "3", "'LL", "?!\n\n\n", "x"]),
        (.qwen2, ["I", "'m", " here", "  ", " ", "1", "2", "3", "'LL", "?!\n\n\n", "x"]),
    ])
    func `the known patterns cut text into their pieces`(pattern: SplitPattern, expected: [String]) {
        let text = Array("I'm here   123'LL?!\n\n\nx".utf8)
        let classes = ScalarClasses()
        var pieces: [String] = []
        text.withUnsafeBufferPointer { buffer in
            var start = 0
            while start < buffer.count {
                let end = pattern.end(in: buffer, from: start, classes: classes)
                pieces.append(String(decoding: buffer[start..<end], as: UTF8.self))
                start = end
            }
        }
        #expect(pieces == expected)
    }

    @Test func `scalar classes follow the reference's Unicode version`() {
        let classes = ScalarClasses()
        #expect(classes.of(0x61) == ScalarClasses.letter | ScalarClasses.lower)
        #expect(classes.of(0x1C5) == ScalarClasses.letter | ScalarClasses.upper)
        #expect(classes.of(0x301) == ScalarClasses.other | ScalarClasses.mark)
        #expect(classes.of(0x660) == ScalarClasses.number | ScalarClasses.numeric)
        #expect(classes.of(0xA0) == ScalarClasses.space)
        #expect(classes.of(0x0D) == ScalarClasses.space | ScalarClasses.newline)
        #expect(classes.of(0x200B) == ScalarClasses.other)
        #expect(classes.of(0x1F600) == ScalarClasses.other | ScalarClasses.symbol)
        #expect(classes.of(0x21) == ScalarClasses.other | ScalarClasses.punctuation)
        #expect(classes.of(0x2B) == ScalarClasses.other | ScalarClasses.symbol)
        #expect(classes.of(0x20BB7) == ScalarClasses.letter)
        // A letter since Unicode 17.
        #expect(classes.of(0x88F) == ScalarClasses.other)
    }

    @Test(arguments: [
        ("e\u{301}", "\u{e9}"), ("\u{ac00}\u{11a8}", "\u{ac01}"), ("\u{1100}\u{1161}\u{11a8}", "\u{ac01}"),
        ("\u{212b}", "\u{c5}"), ("a\u{f73}\u{301}", "\u{e1}\u{f71}\u{f72}"), ("か\u{3099}x", "がx"),
        ("q\u{307}\u{323}", "q\u{323}\u{307}"), ("plain é", "plain é"), ("\u{301}", "\u{301}"), ("", ""),
        // A mark of Unicode 11 blocks composition in the reference's older data.
        ("a\u{7fd}\u{301}", "a\u{7fd}\u{301}"),
    ])
    func `composition is canonical`(text: String, expected: String) {
        #expect(canonicallyComposed(Array(text.utf8)) == Array(expected.utf8))
    }

    /// The square of the run's length would take minutes.
    @Test(.timeLimit(.minutes(1))) func `a long run of marks composes in the order of their classes`() {
        let marks = ["\u{301}", "\u{323}", "\u{345}", "\u{f71}"]
        let count = 60_000
        let text = "o" + (0..<count).map { marks[($0 * 7 + $0 / 5) % 4] }.joined()
        let composed = String(decoding: canonicallyComposed(Array(text.utf8)), as: UTF8.self).unicodeScalars
        let classes = composed.dropFirst().map { $0.properties.canonicalCombiningClass.rawValue }
        // The letter takes the first mark below; the mark above it is after others.
        #expect(composed.first == "\u{1ecd}" || composed.first == "o")
        #expect(classes == classes.sorted())
        #expect(composed.count >= count - 1)
        let short = "o" + (0..<40).map { marks[($0 * 7 + $0 / 5) % 4] }.joined()
        #expect(
            canonicallyComposed(Array(short.utf8)) == Array(short.precomposedStringWithCanonicalMapping.utf8))
    }

    @Test func `short and long words merge alike`() {
        var generator = SeededGenerator(seed: 3)
        var table = MergeTable(capacity: 60)
        for rank in 0..<60 {
            table.insert(
                Int32.random(in: 0..<20, using: &generator), Int32.random(in: 0..<20, using: &generator),
                rank: UInt32(rank), merged: Int32.random(in: 0..<20, using: &generator))
        }
        var merger = WordMerger()
        for length in 0..<140 {
            let word = (0..<length).map { _ in Int32.random(in: 0..<20, using: &generator) }
            merger.symbols = word
            merger.merge(with: table)
            #expect(merger.symbols == PartTests.merged(word, table))
        }
    }

    /// The definition, as plainly as it can be written.
    private static func merged(_ word: [Int32], _ table: MergeTable) -> [Int32] {
        var word = word
        while true {
            let pairs = word.indices.dropLast().map { table.merge(word[$0], word[$0 + 1]) }
            guard let best = pairs.map(\.rank).min(), best != MergeTable.none,
                let at = pairs.firstIndex(where: { $0.rank == best })
            else { return word }
            word.replaceSubrange(at...at + 1, with: [pairs[at].merged])
        }
    }

    @Test func `the cache returns what was stored, also after it was full`() {
        var cache = WordCache()
        for number in 0..<150_000 {
            let word = Array("word\(number)".utf8)
            word.withUnsafeBufferPointer { cache.insert($0, hash: WordCache.hash($0), ids: [Int32(number), 1][...]) }
        }
        var hits = 0
        for number in 0..<150_000 {
            let word = Array("word\(number)".utf8)
            var ids: [Int32] = []
            if word.withUnsafeBufferPointer({ cache.append($0, hash: WordCache.hash($0), to: &ids) }) {
                hits += 1
                #expect(ids == [Int32(number), 1])
            }
        }
        #expect(hits > 10_000 && hits <= 65_536)
    }
}
