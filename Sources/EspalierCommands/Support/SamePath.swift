import Faults

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

enum SamePath {
    /// Whether two paths lead to the same file, which exists.
    static func areSame(_ a: String, _ b: String) -> Bool {
        var (first, second) = (stat(), stat())
        guard stat(a, &first) == 0, stat(b, &second) == 0 else { return false }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    /// - Parameter flag: what named the output, for the message.
    /// - Throws: `usage` when the output would replace an input.
    static func refuse(_ output: String, _ flag: String, among inputs: [String]) throws(Fault) {
        guard let input = inputs.first(where: { areSame($0, output) }) else { return }
        throw Fault(
            .usage, "\(flag) would replace an input", file: output, found: input, advice: "choose another name")
    }
}
