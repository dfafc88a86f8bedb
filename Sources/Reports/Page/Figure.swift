/// Numbers as people read them.
enum Figure {
    static func fixed(_ value: Double?, _ digits: Int) -> String {
        guard let value, value.isFinite else { return "–" }
        if abs(value) >= 1e9 { return "> 10⁹" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let rounded = (abs(value) * scale).rounded()
        var text = String(Int(rounded / scale))
        if digits > 0 {
            let rest = String(Int(rounded.truncatingRemainder(dividingBy: scale)))
            text += "." + String(repeating: "0", count: digits - rest.count) + rest
        }
        return (value < 0 && rounded > 0 ? "−" : "") + text
    }

    static func percent(_ value: Double?, _ digits: Int = 1) -> String {
        value.map { fixed($0 * 100, digits) + " %" } ?? "–"
    }

    /// A number beside a limit: with as many more digits as tell the two apart, so that nothing is said to be above a
    /// limit that it reads the same as.
    static func apart(
        _ value: Double, from limit: Double, digits: Int = 2, _ write: (Double, Int) -> String
    ) -> String {
        guard value != limit else { return write(value, digits) }
        let told = (digits...digits + 6).first { write(value, $0) != write(limit, $0) }
        return write(value, told ?? digits)
    }

    /// Decimals, two at least, with which a small spread is not written as none.
    static func digits(showing spread: Double) -> Int {
        guard spread.isFinite, spread > 0 else { return 2 }
        var (digits, scaled) = (2, spread * 100)
        while scaled < 1, digits < 6 {
            digits += 1
            scaled *= 10
        }
        return digits
    }

    /// "1.04 MB", powers of 1000.
    static func bytes(_ value: Int?) -> String {
        guard let value else { return "–" }
        let units = ["kB", "MB", "GB", "TB"]
        var (amount, unit) = (Double(value) / 1000, 0)
        guard amount >= 1 else { return Words.counted(value, "byte") }
        while amount >= 999.5, unit < units.count - 1 {
            amount /= 1000
            unit += 1
        }
        return "\(fixed(amount, amount < 100 ? amount < 10 ? 2 : 1 : 0)) \(units[unit])"
    }

    /// "1 h 5 min", "20 min 3 s", "12.3 s"
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "–" }
        guard seconds >= 59.95 else { return fixed(seconds, 1) + " s" }
        let whole = Int(seconds.rounded())
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        return hours > 0 ? "\(count(hours)) h \(minutes) min" : "\(minutes) min \(whole % 60) s"
    }

    /// "1.29×"
    static func times(_ value: Double?, _ digits: Int = 2) -> String {
        value.map { $0.isFinite ? fixed($0, digits) + "×" : "–" } ?? "–"
    }

    /// "1,234.50"; what is too large for it as `fixed` writes it.
    static func money(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e9 else { return fixed(value, 0) }
        let text = fixed(abs(value), abs(value) < 100 ? 2 : 0)
        let parts = text.split(separator: ".", maxSplits: 1)
        let whole = count(parts.first.flatMap { Int($0) } ?? 0)
        return (value < 0 ? "−" : "") + whole + (parts.count > 1 ? "." + parts[1] : "")
    }

    static func count(_ value: Int) -> String {
        var digits = String(value.magnitude)
        var groups: [String] = []
        while digits.count > 3 {
            groups.insert(String(digits.suffix(3)), at: 0)
            digits.removeLast(3)
        }
        return (value < 0 ? "−" : "") + ([digits] + groups).joined(separator: ",")
    }
}
