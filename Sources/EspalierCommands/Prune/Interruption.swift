import Dispatch
import Faults

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What Ctrl-C and a scheduler's SIGTERM do to a run: it ends at once with the exit code of a run that can go on.
/// What is committed is on the disk already, so there is nothing to tidy up.
enum Interruption {
    static func announce(output: String) {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                var text = "\ninterrupted; go on with: espalier resume \(output)\n"
                text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
                _exit(Fault.Kind.interrupted.rawValue)
            }
            source.activate()
            // The source must outlive this call; the process never gives it back.
            _ = Unmanaged.passRetained(source as AnyObject)
        }
    }
}
