import Faults

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension InputFile {
    /// A file as it is, or unpacked where its name ends in `.gz`: into a file without a name in the folder for
    /// temporary files, so that it may be larger than memory, and is read at any place.
    ///
    /// - Throws: as `init`; `badData` for what is no gzip, `inputOutput` where the folder takes no more.
    package static func unpacked(_ path: String) throws(Fault) -> InputFile {
        let file = try InputFile(path)
        guard GzipFile.isName(path) else { return file }
        let folder =
            getenv("TMPDIR").flatMap { String(validatingCString: $0) }.flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        let descriptor: Int32
        do throws(Fault) { descriptor = try UnlinkedFile.open(in: folder) } catch {
            var fault = error
            fault.advice = "name another folder with TMPDIR, in which \(path) can be unpacked, or unpack it yourself"
            throw fault
        }
        do throws(Fault) {
            var written = 0
            try GzipFile(file).unpack { (part) throws(Fault) in
                written += part.count
                let free = try FileSystem.freeBytes(at: folder)
                guard free - part.count >= leastFree else {
                    throw Fault(
                        .inputOutput, "there is no room to unpack the file", file: path,
                        place: "after \(CountText.of(written, "byte"))",
                        found: "\(CountText.of(free, "byte")) free in \(folder)",
                        advice: "free some space, or name a folder on another disk with TMPDIR")
                }
                let code = part.withUnsafeBytes { OutputFile.write($0, to: descriptor).code }
                guard code == 0 else { throw FileSystem.failure("the file cannot be unpacked", folder, code) }
            }
            return try InputFile(adopting: descriptor, path: path)
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// Others write to that disk, too.
    private static let leastFree = 64 << 20
}
