import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Hears Ctrl-C and a scheduler's SIGTERM until the process ends.
enum SignalListener {
    /// Returns when both are heard; until then they do what they do to any process.
    static func start(_ handler: @escaping @Sendable () -> Void) {
        for number in [SIGINT, SIGTERM] { listen(number, handler) }
    }

    private static func listen(_ number: Int32, _ handler: @escaping @Sendable () -> Void) {
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler(handler: handler)
        // A signal that came between would be lost.
        let isHeard = DispatchSemaphore(value: 0)
        source.setRegistrationHandler {
            // Elsewhere the source puts a handler of its own in place of the default.
            #if canImport(Darwin)
                signal(number, SIG_IGN)
            #endif
            isHeard.signal()
        }
        source.activate()
        isHeard.wait()
        // The source must outlive this call; the process never gives it back.
        _ = Unmanaged.passRetained(source as AnyObject)
    }
}
