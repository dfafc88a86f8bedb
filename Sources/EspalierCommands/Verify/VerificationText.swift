import EspalierKit
import Faults

extension PublishedFolder {
    /// For people.
    var text: String {
        var text = "\(Fault.harmless(folder)): verified\n"
        text += "  \(Amount.count(files, "file")), \(Amount.bytes(bytes)), all digests match\n"
        if !results.isEmpty {
            let names = results.map { Fault.harmless($0, limit: 200) }.joined(separator: ", ")
            text += "  results without a digest: \(names)\n"
        }
        guard let pattern, let finding else {
            return text + "  the weights could not be compared: the folder has no report.json of a run\n"
        }
        text += "  \(Amount.count(linears, "pruned linear layer")), pattern \(pattern)"
        let zeros = sparsity.map { ": \(Amount.count(finding.zeros, "zero")), \(Amount.percent($0, 2))" }
        text += (pattern == "structured" ? "" : zeros ?? "") + "\n"
        if let asked = finding.asked, let groups = finding.groups {
            text +=
                finding.zeros == asked
                ? "  asked for \(Amount.count(asked)): exactly that many found, \(groups)\n"
                : "  asked for \(Amount.count(asked)) and found, \(groups); "
                    + "\(Amount.count(finding.zeros - asked)) more: zeros "
                    + "of the source, or weights too small for the data type\n"
        } else if pattern != "structured" {
            text += "  the folder does not record how many zeros each linear layer should have\n"
        }
        for sentence in finding.compared { text += "  compared: \(Fault.harmless(sentence, limit: 1000))\n" }
        return text
    }
}
