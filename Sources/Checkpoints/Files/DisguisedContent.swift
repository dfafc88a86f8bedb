import Faults

/// Recognises what download accidents leave under a model file's name.
enum DisguisedContent {
    /// A fault when `start`, the first bytes of a file, is a Git LFS pointer or a web page.
    static func fault(_ start: [UInt8], file: String) -> Fault? {
        let head = String(decoding: start.prefix(256), as: UTF8.self)
        if head.hasPrefix("version https://git-lfs") {
            return Fault(
                .badData, "this is a Git LFS pointer, not the file itself", file: file, found: "a text of a few lines",
                advice: "fetch the content with `git lfs pull` in the model's repository")
        }
        let trimmed = head.drop { $0.isWhitespace }.prefix(15).lowercased()
        if trimmed.hasPrefix("<!doctype html") || trimmed.hasPrefix("<html") {
            return Fault(
                .badData, "this is an HTML page, not a model file", file: file, found: "a web page",
                advice: "download the file again: the server sent a page, often a login or an error")
        }
        return nil
    }
}
