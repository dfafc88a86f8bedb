import Faults

/// What the calculator starts with. What nobody entered stays empty: the page invents no price and no load.
public struct Costs: Equatable, Sendable {
    /// Of one machine.
    public var pricePerHour: Double?
    /// New tokens of a day.
    public var tokensPerDay: Double?
    /// On pruning and testing.
    public var spentOnce: Double?
    /// Written after amounts: "EUR".
    public var currency: String?

    /// What is plausible; beyond it a unit was mistaken.
    public static let prices = 0.001...10_000.0
    public static let loads = 1...1e15
    public static let spendings = 0...1e9
    /// Characters of a currency.
    public static let longestCurrency = 8

    public init(
        pricePerHour: Double? = nil, tokensPerDay: Double? = nil, spentOnce: Double? = nil, currency: String? = nil
    ) {
        self.pricePerHour = pricePerHour
        self.tokensPerDay = tokensPerDay
        self.spentOnce = spentOnce
        self.currency = currency
    }

    /// Whether a text can stand after an amount: a sign or a short word, without digits, which would read as part of
    /// the amount.
    public static func isCurrency(_ text: String) -> Bool {
        let scalars = text.unicodeScalars
        return !scalars.isEmpty && scalars.count <= longestCurrency
            && scalars.allSatisfy { $0.properties.isAlphabetic || $0.properties.generalCategory == .currencySymbol }
    }
}
