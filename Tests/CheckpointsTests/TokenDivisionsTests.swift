import Faults
import Testing

@testable import Checkpoints

/// Tokens that merges are made of have bounds, alone and together.
@Suite struct TokenDivisionsTests {
    @Test func `a token that takes too long to cut is refused`() throws {
        let longest = String(repeating: "a", count: TokenDivisions.longestToken)
        try TokenDivisions.check(["a", longest], file: "model", place: "tokens")
        let fault = #expect(throws: Fault.self) {
            try TokenDivisions.check(["a", longest + "a"], file: "model", place: "tokens")
        }
        #expect(fault?.kind == .badData)
        #expect(fault?.place == "tokens, id 1")
        #expect(fault?.found == "1025 bytes")
    }

    @Test func `tokens that take too long to cut together are refused`() throws {
        let longest = String(repeating: "a", count: TokenDivisions.longestToken)
        let most = TokenDivisions.mostWork / (1024 * 1024)
        try TokenDivisions.check(Array(repeating: longest, count: most), file: "model", place: "tokens")
        let fault = #expect(throws: Fault.self) {
            try TokenDivisions.check(Array(repeating: longest, count: most + 1), file: "model", place: "tokens")
        }
        #expect(fault?.kind == .badData)
    }
}
