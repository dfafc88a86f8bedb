import Faults

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that is replaced as a whole or not at all.
struct AtomicFile {
    let path: String
    private var temporary: String { path + ".partial" }

    /// - Throws: `inputOutput` when the file could not be written: told before the work, not after it.
    init(_ path: String) throws(Fault) {
        self.path = path
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw Fault(
                .inputOutput, "the output is a folder", file: path, expected: "a file", advice: "name a file in it")
        }
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard access(folder, W_OK | X_OK) == 0 else {
            throw Fault(
                .inputOutput, "the output's folder cannot be written", file: path,
                found: String(cString: strerror(errno)))
        }
    }

    func write(_ text: String) throws(Fault) {
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure("the file cannot be made") }
        var text = text
        let written = text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count {
                // The module's own write is named like the system's.
                let count = systemWrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
                if count > 0 {
                    done += count
                } else if count == 0 || errno != EINTR {
                    return false
                }
            }
            return fsync(descriptor) == 0 || errno == EINVAL
        }
        guard written, close(descriptor) == 0, rename(temporary, path) == 0 else {
            let fault = failure("the file cannot be written")
            unlink(temporary)
            throw fault
        }
    }

    private func failure(_ summary: String) -> Fault {
        Fault(.inputOutput, summary, file: path, found: String(cString: strerror(errno)))
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
