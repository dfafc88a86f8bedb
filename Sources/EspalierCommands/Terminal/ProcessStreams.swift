#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The descriptors and signals of a process, made safe before its first file is opened.
enum ProcessStreams {
    /// Fills the places of standard streams that the caller has closed, and lets failed writes come back as errors.
    ///
    /// A new file takes the lowest free descriptor: with standard output closed, a model's weights would be opened as
    /// descriptor 1 and the result's text written into them. The place is taken by something that refuses what the
    /// stream is for, so that a result that nobody can get is still an error.
    static func prepare() -> Bool {
        // A reader that stops reading must not kill a run, nor a limit on the size of files.
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) == -1 {
            let mode = descriptor == 0 ? O_WRONLY : O_RDONLY
            var place = open("/dev/null", mode)
            // Where there are no devices: a folder can be neither read nor written.
            if place < 0 { place = open("/", O_RDONLY) }
            guard place == descriptor else { return false }
        }
        return true
    }
}
