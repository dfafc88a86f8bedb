import Checkpoints
import Faults
import Yams

/// What the source model's card says that holds for the pruned model, too. Nothing is taken for granted: what is not
/// said, or not in the form that the hub knows, is left out.
package struct SourceCard: Equatable {
    /// Keys whose values are carried over, in the order of a card.
    static let keys = ["license", "license_name", "license_link", "language", "datasets"]

    package private(set) var fields: [(key: String, values: [String])] = []
    /// The hub's name of the model, "owner/name".
    package private(set) var repository: String?
    /// What is not read, each with the reason.
    private var refused: [(key: String, reason: String)] = []
    private var hasNoHead = true

    /// A card's head is a page, a longer one is not a head.
    private static let longestHead = 64 << 10
    private static let (longestValue, mostValues) = (200, 200)

    package static func == (left: SourceCard, right: SourceCard) -> Bool {
        left.repository == right.repository && left.fields.map(\.key) == right.fields.map(\.key)
            && left.fields.map(\.values) == right.fields.map(\.values)
    }

    package init(_ checkpoint: Checkpoint) {
        // The weights do not depend on a card that cannot be read.
        var bytes: [UInt8] = []
        var failure: String?
        do throws(Fault) { bytes = try checkpoint.card?.bytes() ?? [] } catch { failure = error.summary }
        self.init(
            markdown: String(decoding: bytes.prefix(SourceCard.longestHead), as: UTF8.self), path: checkpoint.path)
        let isCut = bytes.count > SourceCard.longestHead && bytes.starts(with: Array("---".utf8))
        if let failure { refused = [("all of it", failure)] }
        if isCut, hasNoHead { refused = [("its head", "it is longer than \(SourceCard.longestHead) bytes")] }
    }

    /// - Parameter path: the model's, which names the repository where it lies in the hub's cache.
    init(markdown: String, path: String) {
        repository = SourceCard.repository(cachePath: path)
        guard let head = SourceCard.head(markdown) else { return }
        hasNoHead = false
        let entries = CardEntries(head, keys: SourceCard.keys + ["source_url"])
        refused = entries.refused
        guard !entries.yaml.isEmpty else { return }
        guard let root = try? Yams.compose(yaml: entries.yaml), case .mapping(let map) = root else {
            refused.append(("its head", "it is no YAML"))
            return
        }
        for key in SourceCard.keys {
            guard let node = map[Node(key)], let values = SourceCard.values(node), !values.isEmpty else { continue }
            fields.append((key, values))
        }
        if repository == nil, let url = map["source_url"]?.scalar?.string {
            repository = SourceCard.repository(url: url)
        }
    }

    /// The models that the checkpoint's own card says it was made from, by the hub's names.
    package static func baseModels(_ checkpoint: Checkpoint) -> [String] {
        guard let bytes = try? checkpoint.card?.bytes(),
            let head = head(String(decoding: bytes.prefix(longestHead), as: UTF8.self))
        else { return [] }
        let yaml = CardEntries(head, keys: ["base_model"]).yaml
        guard !yaml.isEmpty, let root = try? Yams.compose(yaml: yaml), case .mapping(let map) = root else { return [] }
        return (map["base_model"].flatMap(values) ?? []).compactMap(checked)
    }

    /// What the new card will lack, in one sentence at most.
    package var warnings: [String] {
        guard let first = refused.first else { return [] }
        let names = refused.map(\.key).joined(separator: ", ")
        return ["the model's README.md: not copied to the new card: \(names): \(first.reason)"]
    }

    /// What stands between the first line, `---`, and the next such line.
    static func head(_ markdown: String) -> String? {
        let lines = markdown.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.hasSuffix("\r") ? $0.dropLast() : $0 }
        guard lines.first == "---", let end = lines.dropFirst().firstIndex(of: "---") else { return nil }
        return lines[1..<end].joined(separator: "\n")
    }

    /// A text or a list of texts; nil for anything else, and for what no name can be.
    private static func values(_ node: Node) -> [String]? {
        let nodes: [Node]
        switch node {
        case .scalar: nodes = [node]
        case .sequence(let sequence) where sequence.count <= mostValues: nodes = Array(sequence)
        default: return nil
        }
        let texts = nodes.compactMap { $0.scalar?.string }
        let areNames = texts.allSatisfy { text in
            !text.isEmpty && text.unicodeScalars.count <= longestValue
                && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        }
        return texts.count == nodes.count && areNames ? texts : nil
    }

    /// ".../models--owner--name/snapshots/..." is where the hub's own client keeps owner/name.
    static func repository(cachePath: String) -> String? {
        let parts = cachePath.split(separator: "/").map(String.init)
        guard let place = parts.lastIndex(of: "snapshots"), place > 0 else { return nil }
        let names = parts[place - 1].components("--")
        guard names.count == 3, names[0] == "models" else { return nil }
        return checked("\(names[1])/\(names[2])")
    }

    private static func repository(url: String) -> String? {
        // The hub's own address; what other hosts call owner/name is no name there.
        guard url.hasPrefix("https://huggingface.") else { return nil }
        return checked(url.split(separator: "/").dropFirst(2).joined(separator: "/"))
    }

    /// Owner and name, of the letters that the hub allows.
    private static func checked(_ name: String) -> String? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let areNames = parts.allSatisfy { part in
            !part.isEmpty && part.count <= 96
                && part.unicodeScalars.allSatisfy {
                    $0.isASCII
                        && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "-_.".unicodeScalars.contains($0))
                }
        }
        return parts.count == 2 && areNames ? name : nil
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] { split(separator: separator).map(String.init) }
}
