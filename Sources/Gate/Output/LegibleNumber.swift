import Faults
import Foundation

extension LegibleText {
    /// Whole numbers as they are, others with `digits` significant digits; an exponent only where the number would have
    /// many zeros.
    static func number(_ value: Double, digits: Int = 4) -> String {
        guard value.isFinite else { return value.isNaN ? "not a number" : value > 0 ? "infinity" : "-infinity" }
        let size = abs(value)
        if size < 1e15, value.rounded() == value { return String(Int(value)) }
        guard size >= 1e-4, size < 1e15 else { return String(format: "%.\(digits)g", value) }
        let decimals = max(0, digits - 1 - Int(log10(size).rounded(.down)))
        var text = String(format: "%.\(decimals)f", value)
        guard text.contains(".") else { return text }
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    /// Two numbers that differ, with as many digits as tell them apart.
    static func numbers(_ value: Double, _ other: Double) -> (String, String) {
        for digits in 4..<17 {
            let pair = (number(value, digits: digits), number(other, digits: digits))
            if pair.0 != pair.1 || value == other { return pair }
        }
        return ("\(value)", "\(other)")
    }
}
