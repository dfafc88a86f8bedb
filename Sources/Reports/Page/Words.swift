/// Sentences that are right for none, one, two and many.
enum Words {
    /// Names of a list before "and 3 others".
    static let most = 8

    /// "a", "a and b", "a, b and c"; of more than `most` the first and how many others.
    static func list(_ names: [String]) -> String {
        var parts = names
        if parts.count > most { parts = names.prefix(most - 1) + ["\(Figure.count(names.count - most + 1)) others"] }
        guard let last = parts.popLast() else { return "none" }
        return parts.isEmpty ? last : parts.joined(separator: ", ") + " and " + last
    }

    /// "1 run", "2 runs"
    static func counted(_ count: Int, _ one: String, _ many: String? = nil) -> String {
        "\(Figure.count(count)) \(count == 1 ? one : many ?? one + "s")"
    }
}
