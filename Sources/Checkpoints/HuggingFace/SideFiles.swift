import Faults
import Files
import Records

/// Sorts the files of a folder into those that a copy of the model carries along and those that it does not.
package struct SideFiles {
    private(set) var copied: [SideFile] = []
    /// Names of what is not copied, folders with a slash at their end. Weights, the configuration, the card and what
    /// other warnings speak of are not among them.
    private(set) var left: [String] = []

    /// Folders whose tokenizer files and templates belong to the model.
    package static let folders = ["additional_chat_templates", "chat_templates", "tokenizer"]

    /// - Parameter weights: names of the files that hold the model's tensors.
    /// - Throws: `badData` when a file that would be copied is a link out of the folder.
    init(_ folder: String, _ names: [String], weights: [String]) throws(Fault) {
        // A name that is no UTF-8 cannot be given to a copy as it is.
        left += try FileSystem.entries(in: folder).unreadable
        for name in names {
            let path = FileSystem.joined(folder, name)
            switch FileSystem.kind(path) {
            case .file where SideFiles.isSideFile(name):
                copied.append(SideFile(name: name, content: .file(path: try SafePath.checked(folder, name))))
            case .folder where SideFiles.folders.contains(name): try take(name, of: folder)
            case .folder: if !name.hasPrefix(".") { left.append(name + "/") }
            default: if !weights.contains(name), !SideFiles.isAccountedFor(name) { left.append(name) }
            }
        }
    }

    /// Files of a folder in the model's folder; it may not lead elsewhere.
    private mutating func take(_ inner: String, of folder: String) throws(Fault) {
        let entries = try FileSystem.entries(in: try SafePath.checked(folder, inner))
        left += entries.unreadable.map { FileSystem.joined(inner, $0) }
        for name in entries.names {
            let both = FileSystem.joined(inner, name)
            if FileSystem.kind(FileSystem.joined(folder, both)) == .file, SideFiles.isSideFile(name) {
                copied.append(SideFile(name: both, content: .file(path: try SafePath.checked(folder, both))))
            } else {
                left.append(both)
            }
        }
    }

    /// Weights and configuration are written anew, the card is taken over into the new one, code is warned of, and a
    /// published folder has its own records.
    private static func isAccountedFor(_ name: String) -> Bool {
        let known = [
            PublishedFile.configuration, PublishedFile.card, PublishedFile.recipe, PublishedFile.report,
            PublishedFile.completion, ShardIndex.fileName,
        ]
        return known.contains(name) || name.hasPrefix(".") || name.hasSuffix(".py")
    }

    package static func isSideFile(_ name: String) -> Bool {
        guard SafePath.isPlainName(name) else { return false }
        let exact = [
            "special_tokens_map.json", "added_tokens.json", "merges.txt", "chat_template.json",
            "generation_config.json", "tekken.json",
        ]
        if exact.contains(name) { return true }
        let capitals = name.uppercased()
        if capitals.hasPrefix("LICENSE") || capitals.hasPrefix("LICENCE") || capitals.hasPrefix("NOTICE") {
            return true
        }
        // Sentence-piece and tiktoken vocabularies have all kinds of names, and so have templates.
        if [".model", ".spm", ".tiktoken", ".jinja"].contains(where: { FileSystem.hasEnding(name, $0) }) {
            return true
        }
        if name.hasPrefix("tokenizer.model") { return true }
        guard name.hasPrefix("tokenizer") || name.hasPrefix("vocab") else { return false }
        return [".json", ".txt", ".v3"].contains { FileSystem.hasEnding(name, $0) }
    }
}
