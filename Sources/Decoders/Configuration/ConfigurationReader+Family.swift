import Checkpoints
import Faults

extension ConfigurationReader {
    func family(_ key: String = "model_type") throws(Fault) -> Family {
        let known = Family.all.map(\.name).joined(separator: ", ")
        guard let name = value(key)?.stringValue else {
            throw fault(key, found: value(key)?.kindName ?? "nothing", expected: "one of \(known)")
        }
        guard let family = Family.all.first(where: { $0.name == name }) else {
            throw fault(
                key, found: "the string \"\(name.prefix(60))\"", expected: "one of \(known)",
                advice: "use a model of one of these families; nearest name: \(nearest(name))")
        }
        return family
    }

    private func nearest(_ name: String) -> String {
        // The longest shared start decides: family names differ in their endings (qwen2_moe, llama4).
        let scored = Family.all.map { ($0.name, $0.name.commonPrefix(with: name.lowercased()).count) }
        return scored.max { $0.1 < $1.1 }?.0 ?? ""
    }
}

extension String {
    fileprivate func commonPrefix(with other: String) -> Substring {
        prefix(zip(self, other).prefix { $0 == $1 }.count)
    }
}
