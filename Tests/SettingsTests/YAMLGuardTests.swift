import Faults
import Settings
import Testing
import Yams

/// The fault that reading this text gives.
private func faultOfReading(_ yaml: String) -> Fault? {
    do throws(Fault) {
        _ = try StrictYAML.root(yaml, file: nil, noun: "recipe")
        return nil
    } catch {
        return error
    }
}

@Suite("Anchors and aliases")
struct AnchorTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    private func hasAnchor(_ node: Node) -> Bool {
        if node.anchor != nil { return true }
        switch node {
        case .scalar: return false
        case .alias: return true
        case .sequence(let items): return items.contains(where: hasAnchor)
        case .mapping(let pairs): return pairs.contains { hasAnchor($0.key) || hasAnchor($0.value) }
        }
    }

    @Test("no text that YAML reads with an anchor or an alias gets past the guard")
    func randomTexts() throws {
        let pieces = [
            "a", ": ", ":", "- ", "? ", "[", "]", "{", "}", ",", " ", "\n", "\n  ", "\"", "'", "#", " #", "&a ", "*a",
            "\\", "x",
            "--- ", "|", ">", "\n- ", "\n? ", ", ", "%", "!", "\r\n", "\"b\"",
        ]
        var generator = Generator(state: 7)
        var anchored = 0
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 2...14, using: &generator))
                .compactMap { _ in pieces.randomElement(using: &generator) }.joined()
            guard text.contains("&"), let parser = try? Parser(yaml: text, encoding: .utf8) else { continue }
            guard let root = try? parser.singleRoot() else { continue }
            let isAnchored = withExtendedLifetime(parser) { hasAnchor(root) }
            guard isAnchored else { continue }
            anchored += 1
            let fault = faultOfReading(text)
            let isGuarded = ["anchor", "alias", "tab", "tag", "block text", "quoted text", "used as a key"].contains {
                fault?.summary.contains($0) == true
            }
            #expect(isGuarded, "\(text.debugDescription): \(fault?.summary ?? "read")")
        }
        #expect(anchored > 100)
    }

    @Test("a bomb of aliases in keys ends at once")
    func aliasBomb() throws {
        var yaml = "version: 1\na0: &a0 [x, x]\n"
        for level in 1...40 { yaml += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        yaml += "? *a40\n: 1\n"
        let fault = try #require(faultOfReading(yaml))
        #expect(fault.place == "line 2, column 5")
    }

    @Test(
        "lists and groups as keys are refused: comparing nested ones takes for ever",
        arguments: ["? [[a]]\n: 1\n", "[[a]]: 1\n", "{a: {[b]: c}}\n", "{a: 1} : 2\n", "? a\n: 1\n"])
    func collectionsAsKeysAreRefused(_ text: String) {
        let fault = #expect(throws: Fault.self) { try YAMLGuard.check(text, file: nil, noun: "recipe") }
        #expect(fault?.summary.contains("used as a key") == true)
    }

    @Test("what nests too deep is refused before a parser's stack is at stake")
    func depth() throws {
        let lines = (0..<300).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        for text in [
            String(repeating: "[", count: 100_000), String(repeating: "- ", count: 100_000),
            String(repeating: "{a: ", count: 100_000), lines,
        ] {
            let fault = #expect(throws: Fault.self) { try YAMLGuard.check(text, file: nil, noun: "recipe") }
            #expect(fault?.summary.contains("too deep") == true)
        }
        let shallow = String(repeating: "[", count: 60) + String(repeating: "]", count: 60)
        try YAMLGuard.check("a: \(shallow)\nb:\n  - [x]\n", file: nil, noun: "recipe")
    }
}
