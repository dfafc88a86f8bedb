import ArgumentParser
import Faults

/// A verdict on its way out: every file and stream is tried, whatever became of those before, and no failure among them
/// hides the verdict.
struct Delivery {
    private var faults: [Fault] = []
    private let report: (String) -> Void

    /// - Parameter report: told what cannot be the process's own error, one message a call.
    init(report: @escaping (String) -> Void = { StandardError.write(Style.ofProcess.error($0) + "\n") }) {
        self.report = report
    }

    /// Takes the step; a failure is kept for the end.
    ///
    /// - Returns: nil when it failed.
    @discardableResult
    mutating func attempt<Result>(_ step: () throws(Fault) -> Result) -> Result? {
        do throws(Fault) { return try step() } catch {
            faults.append(error)
            return nil
        }
    }

    /// The first failure.
    var fault: Fault? { faults.first }

    /// Ends the verb with the verdict's code, which stands whatever could not be written: a pipeline may try again
    /// after a full disk, but not after a model that fails.
    ///
    /// - Throws: the code unless it is 0, else the first failure.
    func finish(verdict code: Int32) throws {
        for fault in code == 0 ? faults.dropFirst() : faults[...] { report("error: \(fault)") }
        if code != 0 { throw ExitCode(code) }
        if let fault { throw fault }
    }
}
