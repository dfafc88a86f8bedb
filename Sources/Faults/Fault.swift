/// What went wrong, told to the person who can mend it.
///
/// Every error that a user's files, flags or machine can cause ends as a `Fault`: one shape for all areas, so that no
/// message forgets the file, the place in it, what was found, what was expected or what to do next.
public struct Fault: Error, Equatable, Sendable {
    /// The class of a failure. Its raw value is the process's exit code.
    public enum Kind: Int32, Sendable, CaseIterable {
        /// Two things that were to be compared do not belong together.
        case notComparable = 3
        /// The words of the command line do not fit together.
        case usage = 64
        /// A file's content breaks the rules of its format, or asks for something that is not supported.
        case badData = 65
        /// A file or folder that should be there is not.
        case missingInput = 66
        /// The device asked for is not there.
        case deviceUnavailable = 69
        /// The output exists, or another run holds it.
        case outputExists = 73
        /// The operating system refused to read or write.
        case inputOutput = 74
        /// The run stopped and can be resumed.
        case interrupted = 75
        /// A recipe file is wrong.
        case badRecipe = 78
    }

    public var kind: Kind
    /// What is wrong, as one sentence without a final full stop.
    public var summary: String
    /// The file concerned.
    public var file: String?
    /// Where in the file: "line 3, column 9", "tensor 'model.norm.weight'", "byte 8".
    public var place: String?
    public var found: String?
    public var expected: String?
    /// What to do next, as an imperative.
    public var advice: String?

    public init(
        _ kind: Kind, _ summary: String, file: String? = nil, place: String? = nil, found: String? = nil,
        expected: String? = nil, advice: String? = nil
    ) {
        self.kind = kind
        self.summary = summary
        self.file = file
        self.place = place
        self.found = found
        self.expected = expected
        self.advice = advice
    }

    public var exitCode: Int32 { kind.rawValue }

    /// The same fault with the file named, for code that learns the file's name further out.
    public func inFile(_ path: String) -> Fault {
        var copy = self
        copy.file = copy.file ?? path
        return copy
    }
}

extension Fault: CustomStringConvertible {
    /// The message as printed: the summary, then one indented line per known part.
    public var description: String {
        var lines = [Fault.clipped(summary)]
        if let file {
            lines.append("  file: \(Fault.clipped(file))" + (place.map { ", \(Fault.clipped($0))" } ?? ""))
        } else if let place {
            lines.append("  at: \(Fault.clipped(place))")
        }
        if let found { lines.append("  found: \(Fault.clipped(found))") }
        if let expected { lines.append("  expected: \(Fault.clipped(expected))") }
        if let advice { lines.append("  try: \(Fault.clipped(advice))") }
        return lines.joined(separator: "\n")
    }

    /// Hostile names can be a megabyte long or carry terminal escapes; a message shows their start, harmless.
    private static func clipped(_ text: String) -> String { harmless(text, limit: 400) }

    /// A text as one line that cannot move a terminal's cursor, colour it, turn its reading direction or hide a part: a
    /// line break is shown as ⏎, what cannot be seen as �.
    public static func harmless(_ text: String, limit: Int = .max) -> String {
        LegibleText.of(text, limit: limit, lineBreak: "⏎")
    }
}
