import JSONText

/// The head of a model card, made of a GGUF file's metadata.
enum GGUFCard {
    /// The keys of both, where they say the same.
    private static let keys = [
        ("license", "general.license"), ("license_name", "general.license.name"),
        ("license_link", "general.license.link"), ("language", "general.languages"), ("datasets", "general.datasets"),
        ("source_url", "general.source.repo_url"),
    ]

    /// Languages or data sets; a card with more would not be read.
    private static let most = 1000

    /// - Returns: README.md with JSON, which is YAML, between the lines that mark the head; nil where nothing is known.
    static func make(_ metadata: GGUFMetadata) -> SideFile? {
        var head = JSONObject()
        for (key, name) in keys {
            switch metadata[name] {
            case .string(let text): head[key] = .string(text)
            case .strings(let texts): head[key] = .array(texts.prefix(most).map(JSONValue.string))
            default: continue
            }
        }
        guard !head.keys.isEmpty else { return nil }
        return SideFile(name: "README.md", content: .bytes(Array("---\n\(JSONValue.object(head).text())\n---\n".utf8)))
    }
}
