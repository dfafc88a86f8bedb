import Faults
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What Ctrl-C and a scheduler's SIGTERM do to an export: it removes what it has written and ends. A second signal ends
/// the process at once.
final class ExportInterruption: Sendable {
    private enum Stage {
        /// Nothing is on the disk yet: signals do what they do to any process.
        case unheard
        case heard
        case interrupted
        /// The output stands whole, and is only read from now on.
        case finished
    }

    private let output: String
    /// Begins to hear signals, and calls what it is given at each.
    private let listen: @Sendable (@escaping @Sendable () -> Void) -> Void
    private let stage = Mutex(Stage.unheard)

    init(
        output: String, listen: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void = SignalListener.start
    ) {
        self.output = output
        self.listen = listen
    }

    /// Asked before the first byte is written, and again and again from then on.
    ///
    /// - Throws: `interrupted` when a signal has come.
    func check() throws(Fault) {
        let isFirst = stage.withLock { stage in
            guard stage == .unheard else { return false }
            stage = .heard
            return true
        }
        if isFirst { listen { [self] in hear() } }
        guard stage.withLock({ $0 != .interrupted }) else {
            throw Fault(
                .interrupted, "the export was interrupted; nothing of it is left", file: output,
                advice: "start it again: an export is not resumed")
        }
    }

    /// Told when the output stands whole: a signal then ends the process at once, since nothing is left half done.
    ///
    /// - Throws: `interrupted` when one has come already.
    func finish() throws(Fault) {
        let wasInterrupted = stage.withLock { stage in
            defer { stage = .finished }
            return stage == .interrupted
        }
        guard wasInterrupted else { return }
        throw Fault(
            .interrupted, "interrupted before the evaluation; the file is whole", file: output,
            advice: "score it with: \(evaluation)")
    }

    private var evaluation: String { "espalier evaluate \(ShellWord.quoted(output)) --text FILE" }

    func hear() {
        let earlier = stage.withLock { stage in
            defer { if stage != .finished { stage = .interrupted } }
            return stage
        }
        switch earlier {
        case .unheard, .heard: return
        case .finished:
            var text = "\ninterrupted in the evaluation; the file is whole: \(evaluation)\n"
            text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
        case .interrupted: break
        }
        _exit(Fault.Kind.interrupted.rawValue)
    }
}
