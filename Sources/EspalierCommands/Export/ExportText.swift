import EspalierKit
import Faults

extension GGUFExportReport {
    /// For people.
    var text: String {
        var text = "\(Fault.harmless(output)): \(Amount.bytes(bytes)), architecture \(architecture), "
        text += "\(Amount.count(layerCount, "layer"))\n"
        let types = types.map { "\($0.count) \($0.name)" }.joined(separator: ", ")
        text += "  \(Amount.count(tensorCount, "tensor")): \(types)\n"
        text += "  error of the stored weights: \(Amount.percent(relativeError, 2)) (root mean square)\n"
        for note in notes { text += "  \(Fault.harmless(note, limit: 1000))\n" }
        return text
    }
}
