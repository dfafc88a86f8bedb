import EspalierKit
import Faults

extension FolderExportReport {
    /// For people.
    var text: String {
        var text = "\(Fault.harmless(output)): \(Amount.bytes(bytes)), layout \(layout.text), "
        text += "\(Amount.count(layerCount, "layer"))\n"
        let types = types.map { "\($0.count) \($0.name)" }.joined(separator: ", ")
        text += "  \(Amount.count(tensorCount, "tensor")): \(types)\n"
        text += "  \(Amount.count(parameters, "parameter")), "
        text += "\(Amount.count(zeros)) of them zeros added for the layout\n"
        text += "  opens in \(engines.map(\.text).joined(separator: ", "))\n"
        for note in notes { text += "  \(Fault.harmless(note, limit: 1000))\n" }
        return text
    }
}
