import ArgumentParser
import Faults
import JSONText

/// What every verb says, and how.
public struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Write one JSON document to standard output.")
    public var json = false

    @Flag(name: [.short, .long], help: "Say more on standard error.")
    public var verbose = false

    @Flag(name: .long, help: "No progress on standard error; warnings and errors only.")
    public var quiet = false

    public init() {}

    public mutating func validate() throws {
        if verbose && quiet { throw ValidationError("--verbose and --quiet exclude each other.") }
    }

    public func makeReporter() -> ProgressReporter {
        ProgressReporter(level: quiet ? .quiet : verbose ? .verbose : .normal)
    }

    /// The result, in the form that was asked for.
    ///
    /// - Throws: `inputOutput` when it cannot be written. A reader that has gone is no failure.
    func write(json value: @autoclosure () -> JSONValue, text: @autoclosure () -> String) throws(Fault) {
        try StandardOutput.write(json ? value().text() + "\n" : text())
    }
}
