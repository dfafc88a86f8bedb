import Faults
import Foundation

extension LegibleText {
    /// Six significant digits; whole numbers, and what is a million or more, with all digits before the point, as
    /// counts and sizes are read.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "not a number" : value > 0 ? "infinity" : "-infinity" }
        let isLong = value.magnitude < 1e15 && (value.magnitude >= 999_999.5 || value == value.rounded())
        return String(format: isLong ? "%.0f" : "%.6g", value)
    }
}
