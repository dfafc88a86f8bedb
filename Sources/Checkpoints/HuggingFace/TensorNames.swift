import JSONText

/// The names that tensors have in a model's code, found where a tool wrote others.
///
/// Compiling, data-parallel and checkpointing wrappers put components of their own into every name, and a base model
/// without its head is saved without the leading `model.`. Such names are read when each still means one tensor.
struct TensorNames {
    /// In the order of the stored names.
    let names: [String]
    /// What was done, for people; nil when names are as they should be.
    let note: String?

    /// Components that wrappers insert anywhere.
    private static let inserted: Set<Substring> = [
        "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module",
    ]
    /// What stands in front of a whole model; repeated where wrappers are nested.
    private static let leading = ["module.", "base_model.model."]
    /// First components of a base model's tensors.
    private static let base: Set<Substring> = ["embed_tokens", "layers", "norm"]

    init(_ stored: [String]) {
        var names = stored.map(TensorNames.unwrapped)
        // A wrapper that keeps the whole model in an attribute of that name.
        if names.contains(where: { $0.hasPrefix("model.model.") }), names.allSatisfy({ $0.hasPrefix("model.") }) {
            names = names.map { String($0.dropFirst("model.".count)) }
        }
        let hasWrappers = names != stored
        names = names.map { TensorNames.base.contains($0.prefix { $0 != "." }) ? "model." + $0 : $0 }
        guard names != stored, Set(names.map(ExactText.init)).count == names.count else {
            self.names = stored
            note = nil
            return
        }
        self.names = names
        let example = zip(stored, names).first { $0 != $1 }.map { "\($0) is read as \($1)" } ?? ""
        note =
            hasWrappers
            ? "tensor names carry what a training wrapper put around them; \(example)"
            : "tensor names lack the leading 'model.', as those of models without head do; \(example)"
    }

    private static func unwrapped(_ name: String) -> String {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        var name =
            parts.contains(where: inserted.contains)
            ? parts.filter { !inserted.contains($0) }.joined(separator: ".") : name
        while let prefix = leading.first(where: name.hasPrefix) { name = String(name.dropFirst(prefix.count)) }
        return name
    }
}
