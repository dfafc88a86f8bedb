import Foundation

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A folder of this process in memory, in which inputs are laid out.
final class Scratch {
    nonisolated(unsafe) static let shared = Scratch()

    let path: String

    private init() {
        let named = ProcessInfo.processInfo.environment["ESPALIER_FUZZ_SCRATCH"]
        let root = named ?? (FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory())
        path = root + "/espalier-fuzz-\(getpid())"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(atPath: Scratch.shared.path) }
    }

    /// Writes a file of the folder and gives its path. The folder above it must exist.
    func write(_ name: String, _ bytes: [UInt8]) -> String {
        let file = path + "/" + name
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        precondition(descriptor >= 0, "the scratch folder cannot be written: \(file)")
        defer { close(descriptor) }
        let written = bytes.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
        precondition(written == bytes.count)
        return file
    }

    /// The copy of a committed folder whose one file is replaced.
    ///
    /// - Parameter name: of the copy, which is made once.
    func folder(_ name: String, from source: String, with file: String, _ bytes: [UInt8]) -> String {
        let copy = folder(name, from: source)
        _ = write(name + "/" + file, bytes)
        return copy
    }

    /// A copy of a committed folder, made once.
    func folder(_ name: String, from source: String) -> String {
        let copy = path + "/" + name
        if !FileManager.default.fileExists(atPath: copy) {
            do {
                try FileManager.default.copyItem(atPath: FuzzTarget.home + "/" + source, toPath: copy)
            } catch { fatalError("\(source) cannot be copied: set ESPALIER_FUZZ_HOME (\(error))") }
        }
        return copy
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
