import Faults
import Foundation

extension LegibleText {
    /// Six significant digits.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "not a number" : value > 0 ? "infinity" : "-infinity" }
        return String(format: "%.6g", value)
    }
}
