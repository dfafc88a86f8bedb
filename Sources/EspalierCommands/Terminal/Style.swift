#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Colour, where it is wanted.
public struct Style: Equatable, Sendable {
    public var usesColour: Bool

    public init(usesColour: Bool) { self.usesColour = usesColour }

    /// Colour on terminals, unless NO_COLOR is set to something or the terminal is a dumb one.
    static var ofProcess: Style {
        let noColour = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        let isDumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? false
        return Style(
            usesColour: !noColour && !isDumb && StandardOutput.isTerminal && StandardError.isTerminal)
    }

    /// The first line in red.
    func error(_ text: String) -> String { painted(text, "31;1") }
    func warning(_ text: String) -> String { painted(text, "33") }

    private func painted(_ text: String, _ code: String) -> String {
        guard usesColour else { return text }
        let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        return "\u{1B}[\(code)m\(lines[0])\u{1B}[0m" + lines.dropFirst().map { "\n" + $0 }.joined()
    }
}
