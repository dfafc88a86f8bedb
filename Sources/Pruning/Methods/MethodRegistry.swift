import Faults
import Recipes

/// The methods that a recipe or a flag can name.
public struct MethodRegistry: Sendable {
    /// In the order in which messages list them.
    public let methods: [PruningMethod]
    /// What recipes, flags and help know of them.
    public let declared: MethodList

    /// - Parameter standard: of a recipe that names none.
    public init(_ methods: [PruningMethod], standard: PruningMethod) {
        self.methods = methods
        declared = MethodList(methods.map(\.declaration), standard: standard.declaration)
    }

    /// Those of Espalier.
    public static let standard = MethodRegistry(
        [
            .magnitude,
            .wanda,
            .sparsegpt,
            .wandaPlusPlus,
            .tyr,
        ], standard: .wandaPlusPlus)

    /// What the method of a run's settings does with blocks.
    ///
    /// - Throws: `usage` when the settings were resolved among other methods.
    public func action(_ settings: PruneSettings) throws(Fault) -> BlockAction {
        guard let method = methods.first(where: { $0.declaration.name == settings.method.name }) else {
            throw Fault(
                .usage, "unknown method", found: settings.method.name,
                expected: methods.map(\.declaration.name).joined(separator: ", "))
        }
        return method.action(settings)
    }
}

extension PruneRecipe {
    /// The settings of a run by one of a registry's methods; see `resolved(among:)`.
    public func resolved(_ registry: MethodRegistry = .standard) throws(Fault) -> PruneSettings {
        try resolved(among: registry.declared)
    }

    /// These wishes with the flags' put over them; see `merging(flags:among:)`.
    public func merging(flags: PruneRecipe, _ registry: MethodRegistry = .standard) -> PruneRecipe {
        merging(flags: flags, among: registry.declared)
    }
}
