import EspalierKit
import Evaluation
import Faults

extension GGUFExportReport {
    /// For people.
    var text: String {
        var text = "\(Fault.harmless(output)): \(Amount.bytes(bytes)), architecture \(architecture), "
        text += "\(Amount.count(layerCount, "layer"))\n"
        let types = types.map { "\($0.count) \($0.name)" }.joined(separator: ", ")
        text += "  \(Amount.count(tensorCount, "tensor")): \(types)\n"
        text += "  error of the stored weights: \(Amount.percent(relativeError, 2)) (root mean square)\n"
        for (name, found) in evaluation?.files ?? [] { text += "  \(Fault.harmless(name)): \(line(found))\n" }
        for note in notes { text += "  \(Fault.harmless(note, limit: 1000))\n" }
        return text
    }

    /// "perplexity 30.512, 1.0484 times the model's 29.103; KL 0.0412, same top token 93.10 %"
    private func line(_ found: Measurement) -> String {
        let perplexity = "perplexity \(Amount.fixed(found.perplexity, 3))"
        guard let model = found.divergence else { return perplexity }
        return perplexity + ", \(Amount.fixed(found.perplexity / model.densePerplexity, 4)) times the model's "
            + "\(Amount.fixed(model.densePerplexity, 3)); KL \(Amount.fixed(model.kl, 4)), same top token "
            + Amount.percent(model.topAgreement, 2)
    }
}
