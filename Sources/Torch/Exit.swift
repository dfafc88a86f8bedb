#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Writes to standard error and leaves without running destructors, which could need memory.
func exitProcess(_ code: Int32, _ message: String) -> Never {
    var message = message
    message.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
    _exit(code)
}
