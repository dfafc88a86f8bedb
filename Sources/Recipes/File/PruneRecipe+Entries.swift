extension PruneRecipe {
    /// A key that the recipe gives, by its dotted path ("calibration.samples"), and its value as the file has it; the
    /// items of a list are joined by ", ".
    public struct Entry: Equatable, Sendable {
        public let key: String
        public let value: String
    }

    /// Every key that is given, in the order of a written recipe: what tells two recipes apart, and by what.
    public var entries: [Entry] {
        PruneRecipe.fields.compactMap { field in
            field.write(self).map { written in
                switch written {
                case .scalar(let text): Entry(key: field.key, value: text)
                case .list(let items): Entry(key: field.key, value: items.joined(separator: ", "))
                }
            }
        }
    }
}
