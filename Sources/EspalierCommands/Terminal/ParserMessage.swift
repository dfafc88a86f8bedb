import Faults
import Foundation

/// What the argument parser says of a command line, in the form of all other errors.
enum ParserMessage {
    /// - Parameter text: the parser's whole message: "Error: …", the help of the option concerned, and where there is
    ///   more.
    static func fault(_ text: String) -> Fault {
        var summary: [Substring] = []
        var (help, more): (String?, String?)
        // Long usages go on in lines of their own.
        var isUsage = false
        for line in text.split(separator: "\n") {
            if let rest = after("Help:", line) {
                help = rest.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
            } else if after("Usage:", line) != nil {
                isUsage = true
            } else if let rest = after("  See '", line), let end = rest.firstIndex(of: "'") {
                more = String(rest[..<end])
            } else if !isUsage {
                summary.append(help == nil && summary.isEmpty ? after("Error:", line) ?? line : line)
            }
        }
        var sentence = summary.joined(separator: " ")
        var advice: [String] = []
        // After a full stop or a semicolon, from the parser or from an option's own value.
        for mark in [". Did you mean ", "; did you mean "] {
            guard let question = sentence.range(of: mark) else { continue }
            advice.append("did you mean " + sentence[question.upperBound...])
            sentence = String(sentence[..<question.lowerBound])
        }
        if let more { advice.append("`\(more)` explains it") }
        return Fault(
            .usage, begun(withoutStop(sentence)), expected: help,
            advice: advice.isEmpty ? nil : advice.joined(separator: " "))
    }

    private static func after(_ mark: String, _ line: Substring) -> Substring? {
        guard line.hasPrefix(mark) else { return nil }
        return line.dropFirst(mark.count).drop { $0 == " " }
    }

    private static func withoutStop(_ sentence: String) -> String {
        sentence.hasSuffix(".") && !sentence.hasSuffix("..") ? String(sentence.dropLast()) : sentence
    }

    /// After "error: " a sentence continues in lower case, unless its first word is a name.
    private static func begun(_ sentence: String) -> String {
        let first = sentence.prefix { $0 != " " }
        guard first.dropFirst().allSatisfy({ $0.isLowercase || !$0.isLetter }) else { return sentence }
        return sentence.prefix(1).lowercased() + sentence.dropFirst()
    }
}
