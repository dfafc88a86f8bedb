import Faults

/// What a GGUF file holds: besides language models there are their companions, which have the same format.
enum GGUFKind {
    /// Refuses what is no language model, by what it is.
    static func check(_ file: GGUFParts) throws(Fault) {
        let metadata = file.metadata
        func refuse(_ what: String, _ key: String, found: String, advice: String) -> Fault {
            Fault(
                .badData, "this GGUF file holds \(what), not a language model", file: file.path,
                place: "key '\(key)'", found: found, expected: "a GGUF file with a language model's weights",
                advice: advice)
        }
        let typeKey = "general.type"
        let architectureKey = "general.architecture"
        let type = try metadata.string(typeKey)
        let architecture = try metadata.string(architectureKey)
        let companion = "pass the language model's own file; it is usually in the same folder"
        switch type {
        case nil, "model": break
        case "mmproj":
            throw refuse("a multimodal projector", typeKey, found: "mmproj", advice: companion)
        case "adapter":
            let kind = try metadata.string("adapter.type")
            throw refuse(
                kind == "lora" || kind == nil ? "a LoRA adapter" : "an adapter (\(kind ?? ""))", typeKey,
                found: "adapter", advice: "merge it into the model that it was trained for, then use the merged model")
        case "imatrix":
            throw refuse("an importance matrix for quantization", typeKey, found: "imatrix", advice: companion)
        case let other?:
            throw refuse("something of the type '\(other)'", typeKey, found: other, advice: companion)
        }
        switch architecture {
        case "clip":
            throw refuse("a multimodal projector", architectureKey, found: "clip", advice: companion)
        case "controlvector":
            throw refuse("a control vector", architectureKey, found: "controlvector", advice: companion)
        default: break
        }
        guard file.entries.isEmpty else { return }
        let isVocabulary = metadata["tokenizer.ggml.tokens"] != nil
        throw Fault(
            .badData,
            isVocabulary
                ? "this GGUF file holds a vocabulary only, no weights" : "this GGUF file holds no tensors",
            file: file.path, found: "0 tensors", expected: "a GGUF file with a language model's weights",
            advice: "use the file of the whole model")
    }
}
