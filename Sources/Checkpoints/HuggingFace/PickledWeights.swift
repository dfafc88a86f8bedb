import Faults
import Files

/// Weights in formats that can run code when they are loaded. They are never opened.
enum PickledWeights {
    private static let endings = [".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".npz"]

    /// A fault with the way out when `names` holds weights in such a format.
    static func fault(_ names: [String], folder: String) -> Fault? {
        let found = names.filter { name in
            name != "training_args.bin" && endings.contains { FileSystem.hasEnding(name, $0) }
        }
        guard let first = found.first else { return nil }
        return Fault(
            .badData, "the weights are in a format that can run code when it is loaded; it is never opened",
            file: FileSystem.joined(folder, first), found: found.prefix(4).joined(separator: ", "),
            expected: "model.safetensors",
            advice: "convert a model that you trust: "
                + PythonAdvice.line("AutoModelForCausalLM", of: "transformers", folder: folder, saves: "converted"))
    }
}
