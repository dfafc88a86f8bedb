import Faults

/// The secret that a server asks for. It comes from the environment and is sent; nothing shows or stores it.
public struct APIKey: Sendable, CustomStringConvertible, CustomReflectable {
    /// In this order, the first that is set.
    public static let variables = ["ESPALIER_API_KEY", "OPENAI_API_KEY"]

    let header: String

    /// - Returns: nil when no variable is set.
    /// - Throws: `usage` for a key that no header can hold.
    public init?(environment: [String: String]) throws(Fault) {
        guard let variable = APIKey.variables.first(where: { !(environment[$0] ?? "").isEmpty }),
            let key = environment[variable]
        else { return nil }
        guard key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Fault(
                .usage, "the API key holds a blank, a line break or a character beyond ASCII", place: variable,
                expected: "the key and nothing else")
        }
        header = "Authorization: Bearer " + key
    }

    public var description: String { "(an API key)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
