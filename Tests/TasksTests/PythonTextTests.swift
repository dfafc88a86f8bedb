import Testing

@testable import Tasks

struct PythonTextTests {
    @Test func capitalisingLowersTheRest() {
        #expect(PythonText.capitalized("he SAW Bob") == "He saw bob")
        #expect(PythonText.capitalized("") == "")
        #expect(PythonText.capitalized("ßTRASSE") == "Sstrasse")
        #expect(PythonText.capitalized("ǆ") == "ǅ")
        #expect(PythonText.capitalized("a ΟΔΟΣ ΣΑ") == "A οδος σα")
    }

    @Test func strippingTakesWhatPythonCallsSpace() {
        #expect(PythonText.stripped(" \u{1F}\u{A0}\n a b\u{3000}\t") == "a b")
        #expect(PythonText.stripped(" \n") == "")
        #expect(PythonText.splitTrailingSpace("a \n").space == " \n")
    }

    @Test func replacingKeepsCanonicallyEquivalentTextsApart() {
        #expect(PythonText.replacing("e", with: "o", in: "e\u{301}").utf8.elementsEqual("o\u{301}".utf8))
        #expect(PythonText.replacing("\u{E9}", with: "x", in: "e\u{301}").utf8.elementsEqual("e\u{301}".utf8))
        #expect(PythonText.replacing(" N ", with: " 1 ", in: " N N N ") == " 1 N 1 ")
    }

    @Test func wordsAreCountedWithTheEmptyOnesAtTheEnds() {
        #expect(PythonText.wordCount(" a  b ") == 4)
        #expect(PythonText.wordCount("") == 1)
    }
}

struct PythonRandomTests {
    // python3 -c "import random; r = random.Random(1234); print([r.getrandbits(32) for _ in range(3)], r.random(), …)"
    @Test func numbersAreThoseOfPython() {
        var random = PythonRandom(seed: 1234)
        #expect((0..<3).map { _ in random.next() } == [4150886329, 3342196574, 1892932127])
        #expect(random.unit() == 0.11685051774599753)
        #expect(random.sample(10, 3) == [1, 0, 9])
        #expect(random.sample(1000, 8) == [100, 784, 363, 242, 17, 31, 807, 16])
        #expect(random.sample(64, 6) == [44, 41, 39, 30, 61, 29])
    }

    @Test func theStateIsRenewedAsInPython() {
        var random = PythonRandom(seed: 0)
        var last = 0.0
        for _ in 0..<1000 { last = random.unit() }
        #expect(last == 0.4804125346981437)
    }
}
