import JSONText
import Testing

@testable import Tokenization

/// Added tokens are found as a search at every place finds them, in linear time.
@Suite struct AddedTokenTests {
    private static func token(
        _ id: Int, _ content: String, left: Bool = false, right: Bool = false, word: Bool = false
    ) throws -> (token: AddedToken, pattern: [UInt8]) {
        let json: JSONValue = .object([
            "id": .integer(id), "content": .string(content), "lstrip": .bool(left), "rstrip": .bool(right),
            "single_word": .bool(word),
        ])
        return (try AddedToken(Component(json, place: "token")), Array(content.utf8))
    }

    @Test func `tokens are found as by trying each at every place`() throws {
        var generator = SeededGenerator(seed: 11)
        let alphabet = ["a", "b", " ", "é", "\u{3000}", "."]
        func text(upTo most: Int) -> String {
            (0..<Int.random(in: 1...most, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator) ?? "a"
            }.joined()
        }
        for _ in 0..<400 {
            var tokens: [(token: AddedToken, pattern: [UInt8])] = []
            for id in 0..<Int.random(in: 0...6, using: &generator) {
                tokens.append(
                    try AddedTokenTests.token(
                        id, text(upTo: 4), left: Bool.random(using: &generator), right: Bool.random(using: &generator),
                        word: Int.random(in: 0..<4, using: &generator) == 0))
            }
            let matcher = AddedTokenMatcher(tokens)
            for _ in 0..<5 {
                Array(text(upTo: 24).utf8).withUnsafeBufferPointer { text in
                    #expect(matcher.stretches(of: text) == AddedTokenTests.stretches(of: text, tokens))
                }
            }
        }
    }

    /// The definition, without regard to time.
    private static func stretches(
        of text: UTF8Text, _ tokens: [(token: AddedToken, pattern: [UInt8])]
    ) -> [AddedTokenMatcher.Stretch] {
        func isSpace(_ place: Int) -> Bool {
            Unicode.Scalar(text.scalar(at: place).value)?.properties.isWhitespace ?? false
        }
        var stretches: [AddedTokenMatcher.Stretch] = []
        var (end, at) = (0, 0)
        while at < text.count {
            let found = tokens.filter { text.has($0.pattern, at: at) }
            guard let longest = found.map(\.pattern.count).max(),
                let token = found.first(where: { $0.pattern.count == longest })?.token
            else {
                at += 1
                continue
            }
            var (low, high) = (at, at + longest)
            at = high
            if token.singleWord {
                if low > 0, isWordScalar(text.scalar(at: text.start(ofScalarBefore: low)).value) { continue }
                if high < text.count, isWordScalar(text.scalar(at: high).value) { continue }
            }
            while token.stripsRight, high < text.count, isSpace(high) { high += text.scalar(at: high).length }
            while token.stripsLeft, low > 0, isSpace(text.start(ofScalarBefore: low)) {
                low = text.start(ofScalarBefore: low)
            }
            if token.stripsLeft { low = max(low, end) }
            guard low < high else { continue }
            if end < low { stretches.append(.init(token: nil, range: end..<low)) }
            stretches.append(.init(token: token.id, range: low..<high))
            end = high
        }
        if end < text.count { stretches.append(.init(token: nil, range: end..<text.count)) }
        return stretches
    }

    /// With a search at every place each of these takes about 10^9 steps or more.
    @Test(.timeLimit(.minutes(1)), arguments: ["right", "left", "long", "fallback"])
    func `long runs take linear time`(kind: String) throws {
        let blank = kind == "right" || kind == "left"
        let text = [UInt8](repeating: UInt8(ascii: blank ? " " : "a"), count: blank ? 100_000 : 300_000)
        let almost = String(repeating: "a", count: 4095)
        let tokens: [(token: AddedToken, pattern: [UInt8])] =
            switch kind {
            case "right": [try AddedTokenTests.token(0, " ", right: true)]
            case "left": [try AddedTokenTests.token(0, " ", left: true)]
            case "long": [try AddedTokenTests.token(0, almost + "b"), try AddedTokenTests.token(1, "b" + almost)]
            default: [try AddedTokenTests.token(0, almost + "b"), try AddedTokenTests.token(1, "a")]
            }
        let clock = ContinuousClock()
        var count = 0
        let time = clock.measure {
            text.withUnsafeBufferPointer { count = AddedTokenMatcher(tokens).stretches(of: $0).count }
        }
        #expect(count == (kind == "long" ? 1 : text.count))
        #expect(time < .seconds(12))
    }
}
