import Checkpoints
import Faults
import Files
import Publishing
import Records

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

    /// The files of a model's folder, or the parts of a model in one folder, that are no results of this program:
    /// results are written into the model's folder, and again.
    private static func partsOfModel(_ input: String) -> [String] {
        switch FileSystem.kind(input) {
        case .folder:
            let names = (try? FileSystem.paths(in: input)) ?? []
            let recorded = (try? CompletionRecord(folder: input))?.files.map(\.name) ?? []
            return (recorded + names.filter(isOfModel)).map { FileSystem.joined(input, $0) }
        case .file where FileSystem.hasEnding(input, ".gguf"):
            let folder = FileSystem.parent(input)
            let names = (try? FileSystem.names(in: folder)) ?? []
            return names.filter { FileSystem.hasEnding($0, ".gguf") }.map { FileSystem.joined(folder, $0) }
        default: return []
        }
    }

    private static func isOfModel(_ path: String) -> Bool {
        let name = FileSystem.last(path)
        let exact = [
            PublishedFile.completion, ShardName.index, PublishedFile.configuration, PublishedFile.report,
            PublishedFile.recipe, PublishedFile.card,
        ]
        let endings = [".safetensors", ".gguf", ".bin", ".model", ".jinja"]
        return exact.contains { FileSystem.areSame($0, name) } || endings.contains { FileSystem.hasEnding(name, $0) }
            || SideFile.isName(name)
    }

    /// - Parameter flag: what named the output, for the message.
    /// - Throws: `usage` when the output would replace an input.
    static func refuse(_ output: String, _ flag: String, among inputs: [String]) throws(Fault) {
        let files = inputs.flatMap { [$0] + partsOfModel($0) }
        guard let input = files.first(where: { areSame($0, output) }) else { return }
        throw Fault(
            .usage, "\(flag) would replace an input", file: output, found: input, advice: "choose another name")
    }
}
