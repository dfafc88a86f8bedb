import ArgumentParser
import EspalierKit
import Faults

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The command line's root.
public struct Espalier: ParsableCommand {
    public static let versionNumber = EspalierVersion.number

    public static let configuration = CommandConfiguration(
        commandName: "espalier",
        abstract: "Prunes LLMs and then re-tunes each block to recover quality.",
        discussion: """
            MODEL is a Hugging Face folder (config.json and safetensors) or a .gguf file. Results go to standard \
            output, progress and warnings to standard error.

            EXAMPLES
              espalier inspect model.gguf
              espalier plan model.gguf --pattern 2:4 --calibration news.txt
              espalier prune model.gguf --output pruned --pattern 2:4 \\
                --calibration news.txt
              espalier evaluate model.gguf --text test.txt --context 1024
              espalier generate model.gguf --prompt "The capital of France is"
              espalier benchmark pruned --against model.gguf
              espalier gate results.json --rules gate.yaml --baseline dense.json
              espalier watch pruned --reference ref.safetensors --history h.jsonl

            EXIT CODES
              0 done, 2 gate failed or alarm, 3 not comparable,
              64 usage, 65 bad data, 66 missing input, 69 device unavailable,
              73 output exists, 74 reading or writing failed,
              75 interrupted and resumable, 78 bad recipe
            """,
        version: versionNumber,
        subcommands: [
            Inspect.self, PlanCommand.self, Prune.self, Recover.self, Resume.self, Evaluate.self, Generate.self,
            Export.self,
            BenchmarkCommand.self, ReportCommand.self, GateCommand.self, WatchCommand.self, Verify.self,
        ])

    public init() {}

    /// Runs the process's command line and leaves with its exit code.
    public static func start() -> Never {
        guard ProcessStreams.prepare() else { endProcess(Fault.Kind.inputOutput.rawValue) }
        var log: LogFile?
        let code: Int32
        do {
            try ArgumentBytes.check()
            var command = try parseAsRoot()
            log = (command as? any Verb)?.messages.startLog()
            try command.run()
            code = 0
        } catch {
            code = tell(error, log)
        }
        log?.write("ended with exit code \(code)")
        endProcess(code)
    }

    /// Says what ended the command line.
    ///
    /// - Returns: the exit code.
    private static func tell(_ error: any Error, _ log: LogFile?) -> Int32 {
        if let fault = error as? Fault {
            StandardError.write(Style.ofProcess.error("error: \(fault)") + "\n")
            log?.write("error: \(fault)")
            return fault.exitCode
        }
        // The parser's own words: help and the version, which are results, and what is wrong with the command line.
        let code = exitCode(for: error).rawValue
        let message = fullMessage(for: error)
        let text = message.isEmpty ? "" : message + "\n"
        guard code == 0 else {
            // A verdict has been told already, and has no message.
            if !text.isEmpty {
                StandardError.write(Style.ofProcess.error("error: \(ParserMessage.fault(message))") + "\n")
            }
            // 1 is the parser's for an error that it does not know.
            return code == 1 ? Fault.Kind.inputOutput.rawValue : code
        }
        do throws(Fault) { try StandardOutput.write(text) } catch { return tell(error, log) }
        return 0
    }
}

/// The system's `exit`, which inside a command means the parser's.
private func endProcess(_ code: Int32) -> Never { exit(code) }
