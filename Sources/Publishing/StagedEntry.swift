import Checkpoints
import Files
import Records

/// Something that stands in a staging folder.
///
/// Only what a run itself writes there is ever removed: names of its own, and regular files, never what a link leads
/// to.
enum StagedEntry {
    /// The mark of this program.
    case mark
    /// A file that has its name; as "folder/name" in an inner folder.
    case file(String)
    /// What a killed process was writing.
    case temporary(String)
    /// An inner folder of those that a model may have.
    case folder(String)
    /// Anything else: a link, a pipe, a name that no run writes.
    case foreign(String)

    /// Everything in the folder, what stands in inner folders before the folder itself.
    static func all(in folder: String) -> [StagedEntry]? {
        guard let entries = try? FileSystem.entries(in: folder) else { return nil }
        var list = entries.unreadable.map { StagedEntry.foreign($0) }
        for name in entries.names {
            let path = FileSystem.joined(folder, name)
            switch FileSystem.kindUnfollowed(path) {
            case .file: list.append(regular(name))
            case .folder where SideFiles.folders.contains(name):
                guard let inner = try? FileSystem.entries(in: path) else { return nil }
                list += inner.unreadable.map { .foreign(FileSystem.joined(name, $0)) }
                for innerName in inner.names {
                    let both = FileSystem.joined(name, innerName)
                    if FileSystem.kindUnfollowed(FileSystem.joined(folder, both)) != .file {
                        list.append(.foreign(both))
                    } else if TemporaryName.matches(innerName) {
                        list.append(.temporary(both))
                    } else {
                        list.append(SideFiles.isSideFile(innerName) ? .file(both) : .foreign(both))
                    }
                }
                list.append(.folder(name))
            case nil: continue  // Gone since the folder was listed.
            default: list.append(.foreign(name))
            }
        }
        return list
    }

    private static func regular(_ name: String) -> StagedEntry {
        if FileSystem.areSame(name, StagingMark.fileName) { return .mark }
        if TemporaryName.matches(name) { return .temporary(name) }
        return isOwn(name) ? .file(name) : .foreign(name)
    }

    /// Whether a run gives a file this name.
    static func isOwn(_ name: String) -> Bool {
        let exact: [String] =
            [
                Journal.fileName, CompletionRecord.fileName, ShardName.name(1, of: 1), ShardName.index,
                PublishedFile.configuration, PublishedFile.recipe, PublishedFile.report, PublishedFile.card,
                PublishedFile.recovery, PublishedFile.recoveryRecipe, PublishedFile.adapter,
                PublishedFile.adapterConfiguration,
            ] + PublishedFile.code
        if exact.contains(where: { FileSystem.areSame($0, name) }) || SideFiles.isSideFile(name) { return true }
        let beginnings = ["part-", "allocation-", "supernet-", "state-", "model-"]
        return FileSystem.hasEnding(name, ".safetensors")
            && beginnings.contains { name.utf8.starts(with: $0.utf8) }
    }
}
