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
