import Faults
import Settings

/// The fraction of weights to remove, at least 0 and below 1.
public struct Sparsity: OptionValue, Hashable {
    public let fraction: Double

    /// - Throws: `Fault` of kind `usage` unless 0 ≤ fraction < 1.
    public init(_ fraction: Double) throws(Fault) {
        guard fraction >= 0, fraction < 1 else { throw Sparsity.outOfRange(fraction, written: "\(fraction)") }
        self.fraction = fraction == 0 ? 0 : fraction
    }

    /// Reads "0.5" or "50%".
    public init(parsing text: String) throws(Fault) {
        let isPercentage = text.hasSuffix("%")
        guard let number = PlainNumber.double(isPercentage ? String(text.dropLast()) : text) else {
            throw Fault(
                .usage, "the sparsity is not a number", found: text,
                expected: "a fraction such as 0.5 or a percentage such as 50%")
        }
        let fraction = isPercentage ? number / 100 : number
        guard fraction >= 0, fraction < 1 else { throw Sparsity.outOfRange(fraction, written: text) }
        self.fraction = fraction == 0 ? 0 : fraction
    }

    private init(unchecked fraction: Double) { self.fraction = fraction }

    public static let half = Sparsity(unchecked: 0.5)

    public var text: String { "\(fraction)" }

    /// floor(fraction · count), where a product that misses a whole number by rounding alone counts as that number:
    /// 0.29 of 100 is 29, though 0.29 · 100 is 28.999999999999996.
    public func removed(of count: Int) -> Int {
        let product = fraction * Double(count)
        let nearest = product.rounded()
        return Int(abs(product - nearest) <= 1e-9 * max(1, product) ? nearest : product.rounded(.down))
    }

    private static func outOfRange(_ fraction: Double, written: String) -> Fault {
        var advice: String?
        if fraction == 1 {
            advice = "1 would remove every weight; give less"
        } else if fraction > 1, fraction < 100, !written.hasSuffix("%") {
            advice = "did you mean \(fraction / 100)?"
        }
        return Fault(
            .usage, "the sparsity is out of range", found: written, expected: "a fraction of at least 0 and below 1",
            advice: advice)
    }
}
