import Files

extension RecoverRecipe {
    /// The recipe with its paths as they lead on from the folder that they are named from.
    public func resolvingPaths(in folder: String) -> RecoverRecipe {
        mappingPaths { RelativePath.resolved($0, in: folder) }
    }

    /// The recipe with its paths named from a folder, which may not exist yet: none of them is absolute.
    public func namingPaths(from folder: String) -> RecoverRecipe {
        mappingPaths { RelativePath.of($0, from: folder) }
    }

    /// The recipe with the names of inputs alone, for readers who have other folders.
    public func namingFilesAlone() -> RecoverRecipe { mappingPaths(FileSystem.last) }

    private func mappingPaths(_ map: (String) -> String) -> RecoverRecipe {
        var recipe = self
        recipe.model = model.map(map)
        recipe.teacher = teacher.map(map)
        recipe.output = output.map(map)
        recipe.calibration = calibration?.map { OwnText.mappingPath($0, map) }
        recipe.evaluation = evaluation?.map(map)
        recipe.offload = offload.map(map)
        recipe.adapters = adapters.map(map)
        return recipe
    }
}
