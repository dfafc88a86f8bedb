/// Who is told how the work goes: phases with what is done of them, notes, and warnings. One thread tells.
public protocol Reporter: AnyObject {
    /// A phase begins; one that is still open ends.
    ///
    /// - Parameters:
    ///   - title: what the phase is called.
    ///   - total: how much there is to do, in `unit`s.
    ///   - unit: what a rate would count: "tokens"; empty where there is none.
    func begin(_ title: String, total: Double, unit: String)
    /// How much of the phase is done in all.
    func update(_ completed: Double)
    /// So much more of the phase is done.
    func advance(by amount: Double)
    /// The phase is over; nothing without one.
    func finish()
    /// A line for everyone.
    func note(_ text: String)
    /// A line for those who ask for more.
    func detail(_ text: String)
    /// What the user should know whatever they asked for.
    func warning(_ text: String)
}

extension Reporter {
    /// A phase without a rate.
    public func begin(_ title: String, total: Double) { begin(title, total: total, unit: "") }
}

/// Keeps warnings and says nothing.
public final class SilentReporter: Reporter {
    /// In the order in which they came.
    public private(set) var warnings: [String] = []

    public init() {}

    public func begin(_ title: String, total: Double, unit: String) {}
    public func update(_ completed: Double) {}
    public func advance(by amount: Double) {}
    public func finish() {}
    public func note(_ text: String) {}
    public func detail(_ text: String) {}
    public func warning(_ text: String) { warnings.append(text) }
}
