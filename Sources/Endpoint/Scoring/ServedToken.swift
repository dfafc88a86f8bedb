import Faults
import JSONText

/// What a server says of a prompt's token after those before it.
public struct ServedToken: Equatable, Sendable {
    /// In nats.
    public var logProbability: Double
    /// Whether no token is likelier there.
    public var isLikeliest: Bool
    /// The likeliest tokens that the server names, and what they are called: by id where it tells ids.
    var named: [(name: String, logProbability: Double)]

    /// The likeliest tokens that the server names, by id; empty where it does not tell ids.
    public var identified: [(id: Int32, logProbability: Double)] {
        named.compactMap { one in Int32(one.name).map { ($0, one.logProbability) } }
    }

    var best: (name: String, logProbability: Double) {
        named.max { $0.logProbability < $1.logProbability } ?? ("", logProbability)
    }

    public static func == (left: ServedToken, right: ServedToken) -> Bool {
        left.logProbability == right.logProbability && left.isLikeliest == right.isLikeliest
            && left.named.elementsEqual(right.named, by: ==)
    }

    /// The largest that rounding may make of a log-probability of 0.
    private static let rounding = 1e-3

    /// - Throws: `badData` for what is no log-probability: a NaN, an infinity or a number above 0.
    static func logProbability(_ value: JSONValue?, index: Int) throws(Fault) -> Double {
        guard let number = value?.doubleValue, number.isFinite, number <= rounding else {
            throw Fault(
                .badData, "the server's answer has no log-probability where there must be one",
                found: "\(value?.kindName ?? "nothing") for the prompt's token \(index)", expected: "a number up to 0")
        }
        return min(number, 0)
    }
}
