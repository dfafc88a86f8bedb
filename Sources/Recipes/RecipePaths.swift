import Files

extension PruneRecipe {
    /// The recipe with its paths as they lead on from the folder that they are named from.
    public func resolvingPaths(in folder: String) -> PruneRecipe {
        mappingPaths { RelativePath.resolved($0, in: folder) }
    }

    /// The recipe with its paths named from a folder, which may not exist yet: none of them is absolute.
    public func namingPaths(from folder: String) -> PruneRecipe {
        mappingPaths { RelativePath.of($0, from: folder) }
    }

    /// The recipe with the names of inputs alone, for readers who have other folders.
    public func namingFilesAlone() -> PruneRecipe { mappingPaths(FileSystem.last) }

    private func mappingPaths(_ map: (String) -> String) -> PruneRecipe {
        var recipe = self
        recipe.model = model.map(map)
        recipe.output = output.map(map)
        // A weight stays at the end: `../news.txt@2`.
        recipe.calibration = calibration?.map { OwnText.mappingPath($0, map) }
        recipe.evaluation = evaluation?.map(map)
        recipe.offload = offload.map(map)
        return recipe
    }
}

/// A calibration source that the dense model writes, as recipes name it: "self", or "self:FILE" for answers to the
/// file's prompts.
public enum OwnText {
    private static let answers = "self:"

    /// Whether a source is one.
    public static func isOwn(_ source: String) -> Bool {
        source.hasPrefix(answers) || source == "self" || source.hasPrefix("self@")
    }

    /// Whether a source has a file.
    static func hasFile(_ source: String) -> Bool { !isOwn(source) || source.hasPrefix(answers) }

    /// The source with another path.
    static func mappingPath(_ source: String, _ map: (String) -> String) -> String {
        guard isOwn(source) else { return map(source) }
        return hasFile(source) ? answers + map(String(source.dropFirst(answers.count))) : source
    }
}
