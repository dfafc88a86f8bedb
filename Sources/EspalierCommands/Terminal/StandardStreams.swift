import Faults
import Files

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where results go.
enum StandardOutput {
    /// Writes the whole text.
    ///
    /// - Returns: false when the reader has gone away (`| head`), which is no failure: nobody wants the rest.
    /// - Throws: `inputOutput` when it cannot be written for any other reason: a full disk, a closed stream.
    @discardableResult
    static func write(_ text: String) throws(Fault) -> Bool {
        switch writeAll(text, to: 1) {
        case 0: return true
        case EPIPE: return false
        case let code:
            throw Fault(
                .inputOutput, "the result cannot be written to standard output",
                found: code == EBADF ? "standard output is closed" : String(cString: strerror(code)),
                advice: advice(code))
        }
    }
    static var isTerminal: Bool { isatty(1) == 1 }

    /// Whether results and errors come to the same terminal, file or pipe.
    static var isWhereErrorsGo: Bool {
        var (output, error) = (stat(), stat())
        guard fstat(1, &output) == 0, fstat(2, &error) == 0 else { return false }
        return output.st_dev == error.st_dev && output.st_ino == error.st_ino
    }

    private static func advice(_ code: Int32) -> String {
        switch code {
        case ENOSPC, EDQUOT: "free some space on this disk, then run again"
        case EFBIG: "raise the limit on the size of files (ulimit -f), then run again"
        default: "send it to a file, a terminal or /dev/null"
        }
    }
}

/// Where progress, warnings and errors go. When nobody reads them the work continues.
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

/// - Returns: 0, or the `errno` of the write that failed.
private func writeAll(_ text: String, to descriptor: Int32) -> Int32 {
    var text = text
    return text.withUTF8 { OutputFile.write(UnsafeRawBufferPointer($0), to: descriptor).code }
}
