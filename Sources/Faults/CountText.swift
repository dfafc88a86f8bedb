/// Numbers of things as people write them.
package enum CountText {
    /// "1,234,567"
    package static func of(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text += "," }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }

    /// "1 prompt", "1,234 prompts"
    ///
    /// - Parameter many: what is said of any number but one; nil puts an s after the word for one.
    package static func of(_ value: Int, _ one: String, _ many: String? = nil) -> String {
        "\(of(value)) \(value == 1 ? one : many ?? one + "s")"
    }
}
