import Recipes

/// Methods that make zeros, each in short.
public enum Arm: CaseIterable, Sendable {
    case magnitude, wanda, sparsegpt, wandaPlusPlus, paper

    public func apply(to recipe: inout PruneRecipe) {
        switch self {
        case .magnitude: recipe.method = "magnitude"
        case .wanda: recipe.method = "wanda"
        case .sparsegpt: recipe.method = "sparsegpt"
        case .wandaPlusPlus: recipe.method = "wanda++"
        case .paper:
            recipe.method = "wanda++"
            recipe.preset = .paper
            recipe.rounds = 2
            recipe.roundSamples = 4
        }
    }
}
