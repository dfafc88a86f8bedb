import Faults
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

    /// - Parameter folder: for messages.
    /// - Throws: `badData` for two tensors that stand for one.
    init(_ stored: [String], folder: String) throws(Fault) {
        var names = stored.map(TensorNames.unwrapped)
        // Beside plain names those of a wrapper are no part of the model.
        if TensorNames.meeting(names) != nil { names = stored }
        // A wrapper that keeps the whole model, or all of it but the head, in an attribute of that name.
        names = names.map { name in
            name.hasPrefix("model.model.") || name.hasPrefix("model.lm_head.")
                ? String(name.dropFirst("model.".count)) : name
        }
        let hasWrappers = names != stored
        names = names.map { TensorNames.base.contains($0.prefix { $0 != "." }) ? "model." + $0 : $0 }
        self.names = names
        guard names != stored else {
            note = nil
            return
        }
        // Which of two counts would depend on the order in which they are read.
        if let (first, second) = TensorNames.meeting(names) {
            throw Fault(
                .badData, "two tensors have the name of the same weight", file: folder,
                place: "tensor '\(stored[second])'",
                found: "also tensor '\(stored[first])'", expected: "each weight once",
                advice: "save the model again, with one of the two")
        }
        let example = zip(stored, names).first { $0 != $1 }.map { "\($0) is read as \($1)" } ?? ""
        note =
            hasWrappers
            ? "tensor names have the prefixes of a training wrapper; \(example)"
            : "tensor names lack the leading 'model.', as those of models without head do; \(example)"
    }

    /// The places of the first two names that are the same.
    private static func meeting(_ names: [String]) -> (Int, Int)? {
        var places: [ExactText: Int] = [:]
        for (place, name) in names.enumerated() {
            if let first = places.updateValue(place, forKey: ExactText(name)) { return (first, place) }
        }
        return nil
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
