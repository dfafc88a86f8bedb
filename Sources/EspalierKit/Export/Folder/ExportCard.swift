import Checkpoints
import Faults
import Recipes
import Runs

/// The README.md of an exported folder.
enum ExportCard {
    static func text(_ report: FolderExportReport, source checkpoint: Checkpoint) -> String {
        let source = SourceCard(checkpoint)
        var bases = SourceCard.baseModels(checkpoint)
        if bases.isEmpty, let repository = source.repository { bases = [repository] }
        let opensInTransformers = report.layout == .transformers || report.layout == .padded
        let head = CardHead(source: source, bases: bases, tags: ["pruned", "espalier"], isPlain: opensInTransformers)
        let rounding =
            report.rounded.isEmpty
            ? "" : ", with weights rounded to \(report.rounded.map(\.rawValue).joined(separator: " and "))"
        let notes = report.notes.map { "- \($0)\n" }.joined()
        return """
            \(head.text)
            # \(title(report.layout))

            Written by `espalier export --to \(report.layout.text)` from a model whose layers may differ in heads and \
            width. It computes what that model computes\(rounding). \(Amount.count(report.parameters)) parameters are stored; \
            \(Amount.count(report.zeros)) of them are zeros that the layout needs.

            ## Loading

            \(loading(report))

            ## Notes

            \(notes)- `COMPLETE.json` holds the digest of every file; `espalier verify FOLDER` compares them.

            """
    }

    private static func title(_ layout: ServingLayout) -> String {
        switch layout {
        case .deci: "Model with a shape for every layer (nemotron-nas)"
        case .transformers: "Model with a shape for every layer, for transformers"
        case .padded, .plain, .gguf: "Model with layers padded by zeros"
        }
    }

    private static func loading(_ report: FolderExportReport) -> String {
        func python(_ argument: String) -> String {
            """
            ```python
            from transformers import AutoModelForCausalLM, AutoTokenizer

            model = AutoModelForCausalLM.from_pretrained("FOLDER"\(argument))
            tokenizer = AutoTokenizer.from_pretrained("FOLDER"\(argument))
            ```
            """
        }
        switch report.layout {
        case .deci:
            let lines = report.engines.map { engine in
                switch engine {
                case .sglang: "python -m sglang.launch_server --model-path FOLDER --trust-remote-code"
                case .mlx: "mlx_lm.generate --model FOLDER --prompt TEXT"
                default: "vllm serve FOLDER --trust-remote-code"
                }
            }
            return "```\n" + lines.joined(separator: "\n") + "\n```"
        case .transformers: return python(", trust_remote_code=True")
        case .padded, .plain, .gguf:
            return python("") + "\n\nAny other software that supports the family opens it, too."
        }
    }
}
