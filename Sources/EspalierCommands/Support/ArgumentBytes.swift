import Faults

/// The command line as it was given. The standard library repairs arguments that are no UTF-8, so that a path would
/// name another file.
enum ArgumentBytes {
    /// - Throws: `usage` for an argument that is no UTF-8.
    static func check() throws(Fault) {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[index] else { break }
            try check(argument, at: index)
        }
    }

    static func check(_ argument: UnsafePointer<CChar>, at index: Int) throws(Fault) {
        guard String(validatingCString: argument) == nil else { return }
        throw Fault(
            .usage, "an argument is not UTF-8", place: "argument \(index)", found: String(cString: argument),
            expected: "text in UTF-8", advice: "give the file a name in UTF-8, or a link with such a name")
    }
}
