import Faults

/// Numbers as people read them.
package enum Amount {
    /// "1,234,567"
    package static func count(_ value: Int) -> String { CountText.of(value) }

    /// "1 prompt", "1,234 prompts"
    package static func count(_ value: Int, _ one: String, _ many: String? = nil) -> String {
        CountText.of(value, one, many)
    }

    /// "98.4 MB", powers of 1000.
    package static func bytes(_ value: Int) -> String {
        let units = ["kB", "MB", "GB", "TB"]
        var amount = Double(value)
        guard amount >= 1000 else { return count(value, "byte") }
        var unit = 0
        amount /= 1000
        while amount >= 999.95, unit < units.count - 1 {
            amount /= 1000
            unit += 1
        }
        return "\(fixed(amount, 1)) \(units[unit])"
    }

    /// "850 ms", "12.3 s", "4m 05s", "2h 03m"
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "?" }
        // What rounds up to the next unit is written in it: never "1000 ms" or "60.0 s".
        if seconds < 0.9995 { return "\(Int((seconds * 1000).rounded())) ms" }
        if seconds < 59.95 { return "\(fixed(seconds, 1)) s" }
        let whole = Int(seconds.rounded())
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return whole < 3600
            ? "\(whole / 60)m \(two(whole % 60))s" : "\(whole / 3600)h \(two(whole % 3600 / 60))m"
    }

    /// A rate: whole numbers from 10 up.
    package static func rate(_ value: Double) -> String {
        value >= 10 && value < 1e12 ? count(Int(value.rounded())) : fixed(value, 1)
    }

    /// "52.5 %"
    package static func percent(_ fraction: Double, _ digits: Int = 1) -> String {
        fixed(fraction * 100, digits) + " %"
    }

    /// A number with a fixed count of decimals; large ones and those that are not numbers as Swift writes them.
    package static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return value.isNaN ? "not a number" : value < 0 ? "-infinity" : "infinity" }
        var power = 1
        for _ in 0..<digits { power *= 10 }
        guard value.magnitude < 1e12 else { return "\(value)" }
        let scaled = Int((value.magnitude * Double(power)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        let decimals = String(scaled % power)
        return "\(sign)\(scaled / power)." + String(repeating: "0", count: digits - decimals.count) + decimals
    }
}
