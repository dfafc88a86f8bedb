#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where results go. A reader that has gone away (`| head`) ends the process quietly.
enum StandardOutput {
    static func write(_ text: String) {
        if !writeAll(text, to: 1) { exit(0) }
    }
    static var isTerminal: Bool { isatty(1) == 1 }
}

/// Where progress, warnings and errors go. When nobody reads them the work goes on.
enum StandardError {
    static func write(_ text: String) { _ = writeAll(text, to: 2) }
    static var isTerminal: Bool { isatty(2) == 1 }

    /// Columns of the terminal.
    static var width: Int {
        var size = winsize()
        guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}

private func writeAll(_ text: String, to descriptor: Int32) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
        var done = 0
        while done < bytes.count {
            let count = write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if count > 0 {
                done += count
            } else if count == 0 || errno != EINTR {
                return false
            }
        }
        return true
    }
}
