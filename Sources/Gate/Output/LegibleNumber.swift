import Faults
import Foundation

extension LegibleText {
    /// Six significant digits, and all that stand before the point, without an exponent unless there are very many zeros.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "not a number" : value > 0 ? "infinity" : "-infinity" }
        let text = String(format: "%.6g", value)
        guard text.contains("e"), (1e-9..<1e15).contains(value.magnitude) else { return text }
        guard value.magnitude < 1 else { return String(format: "%.0f", value) }
        // As many decimals as six significant digits need.
        let decimals = 5 - Int(log10(value.magnitude).rounded(.down))
        var plain = String(format: "%.\(decimals)f", value)
        while plain.last == "0" { plain.removeLast() }
        return plain
    }
}
