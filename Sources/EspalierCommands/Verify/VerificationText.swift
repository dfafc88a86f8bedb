import EspalierKit
import Faults

extension PublishedFolder {
    /// For people.
    var text: String {
        var text = "\(Fault.harmless(folder)): sound\n"
        text += "  \(Amount.count(files, "file")), \(Amount.bytes(bytes)), digests as published\n"
        if !results.isEmpty {
            let names = results.map { Fault.harmless($0, limit: 200) }.joined(separator: ", ")
            text += "  results beside them, without a digest: \(names)\n"
        }
        guard let pattern, let finding else {
            return text + "  weights were compared with nothing: the folder has no report.json of a run\n"
        }
        text += "  \(Amount.count(linears, "pruned linear")), pattern \(pattern)"
        let zeros = sparsity.map { ": \(Amount.count(finding.zeros, "zero")), \(Amount.percent($0, 2))" }
        text += (pattern == "structured" ? "" : zeros ?? "") + "\n"
        if let asked = finding.asked, let groups = finding.groups {
            text +=
                finding.zeros == asked
                ? "  asked for \(Amount.count(asked)): there are exactly so many, \(groups)\n"
                : "  asked for \(Amount.count(asked)) and there, \(groups); "
                    + "\(Amount.count(finding.zeros - asked)) more: zeros "
                    + "of the source, or weights too small for the number type\n"
        } else if pattern != "structured" {
            text += "  how many zeros each linear was to have is not in the folder\n"
        }
        for sentence in finding.compared { text += "  compared: \(Fault.harmless(sentence, limit: 1000))\n" }
        return text
    }
}
