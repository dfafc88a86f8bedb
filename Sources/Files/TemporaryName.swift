/// Names for what is being written beside the file that it will be.
///
/// They cannot be guessed, so that nobody can put a link in their place, and they are told from any other name, so that
/// what a killed process left behind can be removed.
package enum TemporaryName {
    private static let ending = ".espalier-tmp"
    private static let digits = 16
    /// Of the final name: enough to recognise it, and short beside what a file system allows.
    private static let shownBytes = 64

    /// A new path in the same folder: `.NAME.<16 hexadecimal digits>.espalier-tmp`.
    package static func beside(_ path: String) -> String {
        let name = FileSystem.last(path)
        var shown = String.UnicodeScalarView()
        var bytes = 0
        for scalar in name.unicodeScalars {
            bytes += UTF8.width(scalar)
            guard bytes <= shownBytes else { break }
            shown.append(scalar)
        }
        let number = String(UInt64.random(in: .min ... .max), radix: 16)
        let padded = String(repeating: "0", count: digits - number.count) + number
        return FileSystem.joined(FileSystem.parent(path), ".\(String(shown)).\(padded)\(ending)")
    }

    /// Whether a name, without its folder, is of this form.
    package static func matches(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        // A dot, the file's name, a dot, the digits, the ending.
        guard bytes.count > 2 + digits + ending.utf8.count, bytes[0] == dot, FileSystem.hasEnding(name, ending) else {
            return false
        }
        let end = bytes.count - ending.utf8.count
        return bytes[end - digits - 1] == dot
            && bytes[(end - digits)..<end].allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    private static let dot = UInt8(ascii: ".")
}
