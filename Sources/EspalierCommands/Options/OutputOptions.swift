import ArgumentParser
import EspalierKit
import Faults
import JSONText

/// A verb of the command line.
protocol Verb: ParsableCommand {
    var messages: OutputOptions { get }
}

/// What every verb says, and how.
public struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Writes one JSON document to standard output.")
    public var json = false

    @Flag(name: [.short, .long], help: "Prints more details to standard error.")
    public var verbose = false

    @Flag(name: .long, help: "Prints warnings and errors only, no progress.")
    public var quiet = false

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Also appends progress, warnings and errors to this file, with times, even with --quiet.",
            valueName: "file"), completion: .file())
    public var logFile: String?

    public init() {}

    public mutating func validate() throws {
        if verbose && quiet { throw ValidationError("--verbose and --quiet cannot be used together.") }
    }

    public func makeReporter() -> ProgressReporter {
        ProgressReporter(level: quiet ? .quiet : verbose ? .verbose : .normal, log: logFile.flatMap(LogFile.open))
    }

    /// A verdict's way out, whose failures the log tells, too.
    func makeDelivery() -> Delivery {
        let log = logFile.flatMap(LogFile.open)
        return Delivery { text in
            StandardError.write(Style.ofProcess.error(text) + "\n")
            log?.write(text)
        }
    }

    /// Opens the log and writes down what is run; where that cannot be, the work continues without one.
    func startLog() -> LogFile? {
        guard let logFile else { return nil }
        do throws(Fault) {
            let log = try LogFile(logFile)
            // What begins with a dash would be quoted as a file's name.
            let words = CommandLine.arguments.dropFirst().map { word in
                let rest = word.drop { $0 == "-" }
                return String(word.dropLast(rest.count)) + (rest.isEmpty ? "" : ShellWord.quoted(String(rest)))
            }.joined(separator: " ")
            log.write("espalier \(EspalierVersion.number): \(words)")
            return log
        } catch {
            StandardError.write(Style.ofProcess.warning("warning:") + " there is no log: \(error)\n")
            return nil
        }
    }

    /// The result, in the form that was asked for.
    ///
    /// - Throws: `inputOutput` when it cannot be written. A reader that has gone is no failure.
    func write(json value: @autoclosure () -> JSONValue, text: @autoclosure () -> String) throws(Fault) {
        try StandardOutput.write(json ? value().text() + "\n" : text())
    }
}
