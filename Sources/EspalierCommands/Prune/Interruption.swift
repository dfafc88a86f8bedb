import Faults
import Runs
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What Ctrl-C and a scheduler's SIGTERM do to a run.
///
/// Before the run can be resumed they do what they do to any process. From then on it ends at once with the exit code
/// of a run that can go on: what is committed is on the disk already, so there is nothing to tidy up. When nothing but
/// the output's name is missing, the run ends by itself with the exit code that it has earned; a second signal ends it
/// then.
final class Interruption: Sendable {
    private let output: String
    private let log: LogFile?
    private let stage = Mutex(Stage.unprotected)

    private enum Stage {
        case unprotected
        case resumable
        case publishing
        /// Publishing, and one signal has come.
        case ending
    }

    /// - Parameter log: told what the terminal is told.
    init(output: String, log: LogFile? = nil) {
        self.output = output
        self.log = log
    }

    func handle(_ event: RunEvent) {
        switch event {
        case .resumable:
            stage.withLock { $0 = .resumable }
            SignalListener.start { [self] in interrupt() }
        case .publishing: stage.withLock { $0 = .publishing }
        default: break
        }
    }

    private func interrupt() {
        // The lock is held until the process is gone: the run cannot begin to publish behind the message's back.
        stage.withLock { stage in
            switch stage {
            case .unprotected: break
            case .resumable:
                say("\ninterrupted; continue with: espalier resume \(ShellWord.quoted(output))\n")
                _exit(Fault.Kind.interrupted.rawValue)
            case .publishing:
                stage = .ending
                say("\ninterrupted at the very end: the output is being published\n")
            case .ending:
                say("\ninterrupted; finish with: espalier resume \(ShellWord.quoted(output))\n")
                _exit(Fault.Kind.interrupted.rawValue)
            }
        }
    }

    private func say(_ text: String) {
        log?.write(text)
        var text = text
        text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
    }
}
