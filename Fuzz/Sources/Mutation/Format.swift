/// What an input looks like, so that a mutant of it gets past the first check of its reader.
public enum Format: Sendable {
    case bytes
    case json
    /// One JSON value a line.
    case jsonLines
    case yaml
    case safetensors
    case gguf
}
