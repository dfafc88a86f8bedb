import Faults
import Settings

/// The methods that a recipe may name.
public struct MethodList: Sendable {
    public let all: [Method]
    /// The one of a recipe that names none.
    public let standard: Method

    public init(_ all: [Method], standard: Method) {
        self.all = all
        self.standard = standard
    }

    /// - Throws: `Fault` of kind `usage` that lists the names when none is this one.
    public func named(_ name: String) throws(Fault) -> Method {
        if let method = all.first(where: { $0.name == name }) { return method }
        let names = all.map(\.name)
        throw Fault(
            .usage, "unknown method", found: name, expected: names.joined(separator: ", "),
            advice: NearestName.of(name, among: names).map { "did you mean \($0)?" })
    }

    /// The method that a recipe's or a flag's name means.
    public func method(_ name: String?) throws(Fault) -> Method {
        try name.map { (name) throws(Fault) in try named(name) } ?? standard
    }

    /// Names of the methods that remove whole units.
    var removingUnits: [String] { all.filter { $0.removes == .units }.map(\.name) }
    /// Names of the methods that optimise within a block.
    var optimising: [String] { all.filter { !$0.regional.isEmpty }.map(\.name) }
}

extension [String] {
    /// "a", "a and b", "a, b and c"
    func listed(_ word: String = "and") -> String {
        guard let last, count > 1 else { return first ?? "none" }
        return dropLast().joined(separator: ", ") + " \(word) " + last
    }
}
