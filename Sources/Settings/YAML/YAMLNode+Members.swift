import Faults
import Yams

extension YAMLNode {
    /// A key with its value.
    public struct Member {
        public let name: String
        /// "line 3, column 5"
        public let place: String
        public let value: YAMLNode
        let file: String?

        /// - Parameter names: the keys that may stand here.
        public func unknown(among names: [String]) -> Fault {
            Fault(
                .badRecipe, "unknown key '\(YAMLNode.legible(name))'", file: file, place: place,
                expected: "one of " + names.joined(separator: ", "),
                advice: NearestName.of(name, among: names).map { "did you mean \($0)?" })
        }
    }

    public var isGroup: Bool { if case .mapping = node { true } else { false } }

    /// The keys of a group, in the order of the file.
    ///
    /// - Parameter prefix: what the members' values are called before their names, in messages: "calibration.".
    /// - Throws: `badRecipe` when the value is no group of keys.
    public func members(under prefix: String = "") throws(Fault) -> [Member] {
        guard case .mapping(let mapping) = node else { throw mismatch("a group of keys") }
        var members: [Member] = []
        for (keyNode, value) in mapping {
            guard case .scalar(let name) = keyNode else {
                throw YAMLNode(node: keyNode, key: "a key", file: file).mismatch("a name")
            }
            members.append(
                Member(
                    name: name.string, place: keyNode.mark.map { "line \($0.line), column \($0.column)" } ?? key,
                    value: YAMLNode(node: value, key: prefix + YAMLNode.legible(name.string), file: file), file: file))
        }
        return members
    }

    /// A key for messages: in quotes a file can give it any length and terminal escapes.
    static func legible(_ name: String) -> String {
        LegibleText.of(name, limit: 80)
    }

    /// A fault at this value.
    public func fault(_ summary: String, found: String? = nil, expected: String? = nil, advice: String? = nil) -> Fault
    {
        Fault(.badRecipe, summary, file: file, place: place, found: found, expected: expected, advice: advice)
    }
}
