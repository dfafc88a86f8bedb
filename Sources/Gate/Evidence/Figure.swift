import Faults
import JSONText

/// A number in a results file, or what stands in its place.
enum Figure: Equatable, Sendable {
    case number(Double)
    /// null, a text, infinity: what is written when a model's predictions are not numbers.
    case notANumber(String)
    case missing

    init(_ value: JSONValue?) {
        switch value {
        case nil: self = .missing
        case .some(let value):
            if let number = value.doubleValue, number.isFinite {
                self = .number(number)
            } else {
                self = .notANumber(LegibleText.of(value.kindName, limit: 80))
            }
        }
    }

    var value: Double? { if case .number(let value) = self { value } else { nil } }

    /// Of things or bytes: a whole number that a model can have.
    var count: Double? {
        guard let value, (1...1e18).contains(value), value == value.rounded() else { return nil }
        return value
    }

    /// For reasons.
    var text: String {
        switch self {
        case .number(let value): LegibleText.number(value)
        case .notANumber(let kind): kind
        case .missing: "nothing"
        }
    }
}
