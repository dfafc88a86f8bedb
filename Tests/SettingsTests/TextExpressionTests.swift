import Settings
import Testing

@Suite("Regular expressions")
struct TextExpressionTests {
    private func matches(_ pattern: String, _ text: String) throws -> Bool {
        try TextExpression(pattern).matches(in: text)
    }

    @Test(
        "What expressions mean",
        arguments: [
            ("^[0-9]+$", "42", true), ("^[0-9]+$", "4 2", false), ("mlp", "model.layers.0.mlp.up_proj", true),
            (#"layers\.(0|1)\."#, "model.layers.10.mlp", false), (#"layers\.(0|1)\."#, "model.layers.1.mlp", true),
            ("q_proj|k_proj", "self_attn.k_proj", true), (".*self_attn.*", "a.self_attn.b", true),
            ("(?i)PARIS", "it is Paris.", true), ("(?i:p)aris", "PARIS", false), (#"\bcat\b"#, "concat", false),
            (#"\bcat\b"#, "the cat.", true), ("a.c", "a\nc", false), ("(?s)a.c", "a\nc", true),
            ("(?m)^b$", "a\nb\nc", true), ("^b$", "a\nb\nc", false), ("a{2,3}b", "ab", false),
            ("^a{2,3}$", "aaaa", false),
            ("a{2,}?", "aa", true), ("{\"x\"", "{\"x\"", true), ("[^a-c]", "abc", false), ("[]x]", "]", true),
            ("[a-]", "-", true), (#"\p{Lu}\p{L}+"#, "Straße", true), (#"[\d\s]{3}"#, "1 2", true), ("é", "café", true),
            (#"\x41\u0042\u{43}"#, "ABC", true), ("(?<name>a|b)c", "bc", true), ("(|a)+$", "", true),
            ("()*x", "x", true), ("(?i)[^k]", "Kk", false), ("(?i)[a-c]+é", "BÉ", true), ("(?i)[@]", "`", false),
            ("(?i)\\[", "{", false), ("a{x}", "a{x}", true),
        ])
    func means(_ pattern: String, _ text: String, _ expected: Bool) throws {
        #expect(try matches(pattern, text) == expected, "\(pattern) in \(text)")
    }

    @Test(
        "What cannot be matched in linear time, and what is none, is refused",
        arguments: [
            "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", #"(a)\1"#, #"(?<n>a)\k<n>"#, "(?>a)", "a++", "a*+", "a**", "*a",
            "a{2}{3}", "a*{2}", "a+?{2}", "{2}", "(|{1,2})", "a{,}", "(", ")", "[a", "[b-a]", "\\", "a{3,2}", "a{9999}",
            #"\q"#, #"\p{Greek}"#, "[a[b]]", "[a&&b]", "(?R)", "(*FAIL)",
        ])
    func refuses(_ pattern: String) {
        #expect(throws: TextExpression.Refusal.self, "\(pattern)") { try TextExpression(pattern) }
    }

    @Test("Neither an expression nor a text holds the search up") func bounds() throws {
        let many = String(repeating: "a", count: 41)
        #expect(try !matches("^(a+)+$", many + "!"))
        #expect(try matches("^(a+)+$", many))
        #expect(try !matches("(a|aa)+$", many + "b"))
        #expect(try !matches("(.*)(.*)(.*)(.*)(.*)(.*)x", String(repeating: "a", count: 2000)))
        for pattern in [
            "((a{1000}){1000}){1000}", "(((){1000}){1000}){1000}", String(repeating: "a", count: 1001),
            String(repeating: "(", count: 900), "([ace]{100}){100}",
        ] {
            #expect(throws: TextExpression.Refusal.self) { try TextExpression(pattern) }
        }
        let large = try TextExpression("(a|b|c|d){600}x")
        #expect(throws: TextExpression.Refusal.self) {
            try large.matches(in: String(repeating: "abcd", count: 100_000))
        }
    }

    /// Small expressions from a fixed seed, against an engine of another kind.
    @Test("Agrees with the standard library's engine") func agrees() throws {
        var state: UInt64 = 20_261_127
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        func pattern(_ depth: Int) -> String {
            let atoms = ["a", "b", "c", ".", "[ab]", "[^a]", #"\w"#, #"\d"#, #"\b"#, "^", "$", "1", " "]
            switch depth > 0 ? random(6) : 5 {
            case 0: return "(" + pattern(depth - 1) + "|" + pattern(depth - 1) + ")"
            case 1: return "(?:" + pattern(depth - 1) + ")" + ["*", "+", "?", "{1,2}", "*?", "{2}"][random(6)]
            case 2, 3: return pattern(depth - 1) + pattern(depth - 1)
            case 4: return "(?i:" + pattern(depth - 1) + ")"
            default: return atoms[random(atoms.count)]
            }
        }
        for _ in 0..<500 {
            let pattern = pattern(3)
            guard let theirs = try? Regex(pattern).wordBoundaryKind(.simple) else { continue }
            let ours = try TextExpression(pattern)
            for _ in 0..<6 {
                let text = String((0..<random(6)).map { _ in Array("abcAB1 ")[random(7)] })
                #expect(try ours.matches(in: text) == text.contains(theirs), "\(pattern) in '\(text)'")
            }
        }
    }
}
