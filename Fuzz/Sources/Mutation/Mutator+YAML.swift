extension Mutator {
    /// Removes, repeats, moves or indents lines, and puts other values after their keys.
    mutating func changedYAML(_ input: [UInt8]) -> [UInt8] {
        var lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
        let at = below(lines.count)
        switch below(9) {
        case 0: lines.remove(at: at)
        case 1: lines.insert(lines[at], at: below(lines.count + 1))
        case 2: lines.swapAt(at, below(lines.count))
        case 3: lines[at].insert(contentsOf: Array(any([" ", "  ", "\t", "- ", "? "]).utf8), at: 0)
        case 4: lines[at] = Array(lines[at].drop { $0 == UInt8(ascii: " ") })
        case 5: lines.insert(Array(any(Mutator.yamlLines).utf8), at: at)
        case 6:
            let depth = any([2, 50, 400])
            lines[at] +=
                Array(" ".utf8) + [UInt8](repeating: UInt8(ascii: "["), count: depth)
                + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
        default:
            let colon = lines[at].firstIndex(of: UInt8(ascii: ":")) ?? lines[at].endIndex
            lines[at] =
                Array(lines[at][..<colon]) + Array(": ".utf8)
                + (below(2) == 0 ? any(Mutator.jsonValues) : Array(any(Mutator.yamlValues).utf8))
        }
        return Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    }

    private static let yamlLines = [
        "a: &a [x, x]", "b: *a", "<<: *a", "---", "...", "%YAML 1.2", "# é", "? a", "\u{FEFF}a: 1", "key: |", "  text",
        "!!binary x", "a: b: c", "'", "\"", "{", "}", "[", "- - - -", "a: !ruby/object x", "\u{0}", "\u{85}",
    ]
    private static let yamlValues = [
        "&a 1", "*a", "!!int 3", "|", ">", "~", "yes", "no", "0x7fffffffffffffff", "0o17", "1_000", ".inf", "-.inf",
        ".nan", "2024-01-01", "50%", "2:4", "4:3", "0:0", "-1:4", "1e400GB", "9999999999GB", "'", "\"", "{a: 1",
        "[1, 2",
        "'(a+)+$'", "\"\\x00\"", "1:", "a,", ",", "acc,", ",acc",
    ]
}
